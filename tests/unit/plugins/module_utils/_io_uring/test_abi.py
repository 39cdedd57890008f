# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._io_uring import abi

from .._probe.stand_in import KERNELS
from .ring_stand_in import recorded


@pytest.mark.parametrize("kernel", KERNELS)
def test_recorded_params_are_parsed(kernel: str) -> None:
    params = abi.parse_params(recorded(kernel, "params"))
    assert (params.sq_entries, params.cq_entries) == (8, 16)


def test_structures_have_their_size() -> None:
    assert len(abi.new_params(0)) == 120
    assert abi.PROBE_SIZE == 16 + 256 * 8
    assert abi.OPCODES.index("PIPE") == 62
    assert abi.OPCODES[45] == "SOCKET"
    assert abi.REGISTERS.index("PROBE") == 8
    assert abi.REGISTERS.index("PBUF_RING") == 22
    assert abi.REGISTERS.index("QUERY") == 35
    assert abi.SETUP_FLAGS["NO_MMAP"] == 1 << 14
    assert abi.SETUP_FLAGS["CQE_MIXED"] == 1 << 18
    assert abi.names_of_bits(1 | 1 << 40, abi.FEATURES) == ["SINGLE_MMAP", "BIT_40"]
    assert abi.iovec(1, 2) == bytearray(b"\x01" + 7 * b"\0" + b"\x02" + 7 * b"\0")


def test_addresses_and_sizes_are_at_their_offsets() -> None:
    params = abi.new_params(1, cq_entries=2, sqes=3, rings=4)
    places = {offset: value for offset, value in enumerate(params) if value}
    # cq_entries, flags, sq_off.user_addr, cq_off.user_addr
    assert places == {4: 2, 8: 1, 72: 3, 112: 4}


def test_a_damaged_probe_is_not_read_beyond_its_end() -> None:
    short = recorded("6.12", "probe")[: 16 + 3 * 8]
    opcodes = abi.parse_probe(short)
    assert [name for name, supported in opcodes.items() if supported] == ["NOP", "READV", "WRITEV"]
    newer = bytearray(abi.PROBE_SIZE)
    newer[0:2] = bytes((200, 1))
    newer[16:24] = bytes((200, 0, 1, 0, 0, 0, 0, 0))
    assert abi.parse_probe(newer)["OP_200"] is True
