# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._io_uring import abi, info
from ansible_collections.gofleet.hosts.plugins.module_utils._io_uring import setup as io_uring_setup
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .._probe.stand_in import FIXTURES, NOBODY, ROOT, host
from .ring_stand_in import REGISTERS, Kernel


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(io_uring_setup.time, "sleep", lambda seconds: None)


@pytest.mark.parametrize(
    ("kernel", "features", "last_feature", "supported", "missing"),
    [
        ("6.1", "0x1fff", "LINKED_FILE", "SENDMSG_ZC", "FUTEX_WAIT"),
        ("6.12", "0xffff", "MIN_TIMEOUT", "LISTEN", "RECV_ZC"),
        ("6.18", "0x3ffff", "NO_IOWAIT", "PIPE", "NOP128"),
    ],
)
def test_recorded_kernels_are_probed(
    kernel: str, features: str, last_feature: str, supported: str, missing: str
) -> None:
    rings = Kernel(kernel)
    result = info.read_io_uring(rings.host())
    assert (result["usable"], result["decided_by"]) == ("yes", "kernel")
    assert result["features"]["hex"] == features
    assert result["features"]["names"][-1] == last_feature
    assert result["opcodes"][supported] is True
    assert result["opcodes"][missing] is False
    assert set(abi.OPCODES) <= set(result["opcodes"])
    assert sum(result["registers"].values()) == REGISTERS[kernel]
    assert result["limits"] == {"sq_entries": 8, "cq_entries": 16}  # the values of the recorded ring
    assert result["sysctl"]["io_uring_disabled"] == (None if kernel == "6.1" else 0)
    assert result["memlock"]["soft"] > 0
    assert result["registered_buffers"]["answer"] == "yes"
    assert result["charged_rings"]["answer"] == "no"
    for descriptor in rings.opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_an_unknown_flag_is_no() -> None:
    setup = info.read_io_uring(Kernel("6.1", unknown_flags=["NO_SQARRAY"]).host())["setup"]
    assert setup["plain"]["answer"] == "yes"
    assert (setup["no_sqarray"]["answer"], setup["no_sqarray"]["decided_by"]) == ("no", "kernel")
    assert "NO_SQARRAY (since Linux 6.6)" in setup["no_sqarray"]["reason"]


def test_a_refused_ring_leaves_the_other_values_null() -> None:
    target = host({"io_uring_setup": Outcome(-1, errno.EPERM)}, caller=NOBODY)
    result = info.read_io_uring(target)
    assert result["usable"] == "no"
    for name in ("features", "opcodes", "registers", "limits", "registered_buffers"):
        assert result[name] is None
    assert result["charged_rings"]["answer"] == "unknown"


def test_a_refused_register_leaves_the_opcodes_null() -> None:
    rings = Kernel("6.12")
    answers = {"io_uring_setup": rings.setup, "io_uring_register": Outcome(-1, errno.EACCES)}
    result = info.read_io_uring(host(answers, root=FIXTURES / "6.12", caller=ROOT))
    assert result["usable"] == "yes"
    assert result["opcodes"] is None
    assert result["registers"] is None
    assert result["registered_buffers"]["answer"] == "unknown"


def test_an_unknown_architecture_is_unknown() -> None:
    result = info.read_io_uring(Kernel("6.12").host()._replace(machine="m68k"))
    assert (result["usable"], result["setup"]["plain"]["answer"]) == ("unknown", "unknown")
    assert result["charged_rings"]["answer"] == "unknown"


@pytest.mark.parametrize("kernel", sorted(REGISTERS))
def test_registers_of_a_kernel_are_found(kernel: str) -> None:
    registers = info.have_registers(Kernel(kernel).host())
    assert registers is not None
    known = [name for name, present in registers.items() if present]
    assert known == list(abi.REGISTERS[: REGISTERS[kernel]])


def test_registers_newer_than_the_table_are_numbered() -> None:
    def register(ring: object, operation: int, argument: object, count: object) -> Outcome:
        return Outcome(-1, errno.EBADF if operation < 50 else errno.EINVAL)

    registers = info.have_registers(host({"io_uring_register": register}, caller=ROOT))
    assert registers is not None
    assert (len(registers), registers["REGISTER_49"]) == (50, True)


@pytest.mark.parametrize("answer", [errno.EBADF, errno.EINVAL, errno.ENOSYS, errno.EPERM])
def test_a_kernel_that_checks_the_descriptor_first_gives_none(answer: int) -> None:
    assert info.have_registers(host({"io_uring_register": Outcome(-1, answer)}, caller=ROOT)) is None
