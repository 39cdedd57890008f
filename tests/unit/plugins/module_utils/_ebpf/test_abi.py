# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import struct

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf import abi
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.helpers import HELPERS


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("MAP_CREATE", 0),
        ("PROG_LOAD", 5),
        ("OBJ_GET_INFO_BY_FD", 15),
        ("LINK_CREATE", 28),
        ("TOKEN_CREATE", 36),
    ],
)
def test_commands_have_their_number(name: str, number: int) -> None:
    assert abi.COMMANDS[name] == number


@pytest.mark.parametrize(
    ("names", "name", "number"),
    [
        (abi.PROGRAM_TYPES, "kprobe", 2),
        (abi.PROGRAM_TYPES, "raw_tracepoint", 17),
        (abi.PROGRAM_TYPES, "tracing", 26),
        (abi.PROGRAM_TYPES, "netfilter", 32),
        (abi.MAP_TYPES, "sk_storage", 24),
        (abi.MAP_TYPES, "ringbuf", 27),
        (abi.MAP_TYPES, "arena", 33),
        (abi.LINK_TYPES, "kprobe_multi", 8),
        (abi.LINK_TYPES, "uprobe_multi", 12),
        (HELPERS, "bpf_map_lookup_elem", 1),
        (HELPERS, "bpf_probe_write_user", 36),
        (HELPERS, "bpf_probe_read_kernel", 113),
        (HELPERS, "bpf_cgrp_storage_delete", 211),
    ],
)
def test_types_have_their_number(names: tuple[str, ...], name: str, number: int) -> None:
    assert names.index(name) == number
    assert len(set(names)) == len(names)
    assert abi.name_of(number, names) == name
    assert abi.name_of(len(names), names) == f"type_{len(names)}"


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("trace_fentry", 24),
        ("lsm_mac", 27),
        ("perf_event", 41),
        ("trace_kprobe_multi", 42),
        ("netfilter", 45),
        ("tcx_ingress", 46),
        ("trace_uprobe_multi", 48),
    ],
)
def test_attach_types_have_their_number(name: str, number: int) -> None:
    assert abi.ATTACH_TYPES[name] == number


def test_structures_are_parsed() -> None:
    program = bytearray(256)
    struct.pack_into("=II8sII", program, 0, 26, 7, bytes(range(8)), 1, 2)
    struct.pack_into("=QIIQ16s", program, 40, 99, 1000, 3, 0, b"probe\0rest")
    struct.pack_into("=QQQ", program, 192, 5, 6, 8)
    found = abi.parse_program_info(program)
    assert (found.type, found.id, found.tag, found.loaded) == ("tracing", 7, "0001020304050607", 99)
    assert (found.uid, found.map_count, found.name) == (1000, 3, "probe")
    assert (found.run_time_ns, found.run_count, found.missed) == (5, 6, 8)
    data = struct.pack("=IIIIII16s", 27, 4, 0, 0, 4096, 0, b"events")
    assert abi.parse_map_info(data) == ("ringbuf", 4, 0, 0, 4096, 0, "events")
    assert abi.parse_link_info(struct.pack("=III", 99, 1, 2)) == ("type_99", 1, 2)


@pytest.mark.parametrize("parse", [abi.parse_program_info, abi.parse_map_info, abi.parse_link_info])
def test_a_truncated_structure_is_an_error(parse: object) -> None:
    assert callable(parse)
    with pytest.raises(struct.error):
        parse(b"\1\0\0")
