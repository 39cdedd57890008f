# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel import io_uring, io_uring_abi
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.caller import Caller
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.host import Host
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.syscall import Argument, Outcome

from .stand_in import FIXTURES, KERNELS, NOBODY, ROOT, host

FILTERED = NOBODY._replace(seccomp=2)


def recorded(kernel: str, name: str) -> bytes:
    return (FIXTURES / kernel / "io_uring" / name).read_bytes()


class Kernel:
    """Rings of a recorded kernel: every one is a real descriptor, so that a test sees which stay open."""

    def __init__(self, kernel: str, *, unknown_flags: t.Collection[str] = ()) -> None:
        self.kernel = kernel
        self.refused = sum(io_uring_abi.SETUP_FLAGS[flag] for flag in unknown_flags)
        self.opened: list[int] = []

    def setup(self, entries: Argument, params: Argument) -> Outcome:
        assert isinstance(params, bytearray)
        flags = int.from_bytes(params[8:12], "little")
        if flags & self.refused:
            return Outcome(-1, errno.EINVAL)
        params[:] = recorded(self.kernel, "params")
        self.opened.append(os.open(os.devnull, os.O_RDONLY))
        return Outcome(self.opened[-1], 0)

    def register(self, ring: Argument, opcode: Argument, buffer: Argument, count: Argument) -> Outcome:
        assert isinstance(buffer, bytearray)
        assert (ring, opcode, count) == (self.opened[-1], 8, 256)
        assert not any(buffer), "the kernel refuses a buffer that is not zero"
        buffer[:] = recorded(self.kernel, "probe")
        return Outcome(0, 0)

    def host(self) -> Host:
        answers = {"io_uring_setup": self.setup, "io_uring_register": self.register}
        return host(answers, root=FIXTURES / self.kernel, caller=ROOT)


@pytest.mark.parametrize(
    ("kernel", "features", "last_feature", "supported", "missing"),
    [
        ("6.1", "0x1fff", "LINKED_FILE", "SENDMSG_ZC", "FUTEX_WAIT"),
        ("6.12", "0xffff", "MIN_TIMEOUT", "LISTEN", "RECV_ZC"),
        ("6.18", "0x3ffff", "NO_IOWAIT", "PIPE", None),
    ],
)
def test_recorded_kernels(
    kernel: str, features: str, last_feature: str, supported: str, missing: str | None
) -> None:
    rings = Kernel(kernel)
    result = io_uring.read_io_uring(rings.host())
    assert (result["usable"], result["decided_by"]) == ("yes", "kernel")
    assert result["features"]["hex"] == features
    assert result["features"]["names"][-1] == last_feature
    assert result["opcodes"][supported] is True
    if missing:
        assert result["opcodes"][missing] is False
    assert set(io_uring_abi.OPCODES) <= set(result["opcodes"])
    assert result["limits"] == {"sq_entries": 8, "cq_entries": 16}  # what the recorded ring has
    assert result["sysctl"]["io_uring_disabled"] == (None if kernel == "6.1" else 0)
    assert result["memlock"]["soft"] > 0
    for descriptor in rings.opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_a_flag_that_the_kernel_does_not_know() -> None:
    setup = io_uring.read_io_uring(Kernel("6.1", unknown_flags=["NO_SQARRAY"]).host())["setup"]
    assert setup["plain"]["answer"] == "yes"
    assert (setup["no_sqarray"]["answer"], setup["no_sqarray"]["decided_by"]) == ("no", "kernel")
    assert "NO_SQARRAY (since Linux 6.6)" in setup["no_sqarray"]["reason"]


@pytest.mark.parametrize(
    ("outcome", "settings", "caller", "answer", "decided_by"),
    [
        (Outcome(-1, errno.ENOSYS), {}, ROOT, "no", "kernel"),
        (Outcome(-1, errno.ENOSYS), {}, FILTERED, "no", "seccomp"),
        (Outcome(-1, errno.EPERM), {"io_uring_disabled": 2}, ROOT, "no", "sysctl"),
        (Outcome(-1, errno.EPERM), {"io_uring_disabled": 2}, FILTERED, "no", "sysctl"),
        (Outcome(-1, errno.EPERM), {"io_uring_disabled": 1}, NOBODY, "no", "sysctl"),
        (Outcome(-1, errno.EPERM), {"io_uring_disabled": 1}, ROOT._replace(seccomp=2), "no", "seccomp"),
        (Outcome(-1, errno.EPERM), {"io_uring_disabled": 0}, FILTERED, "no", "seccomp"),
        (Outcome(-1, errno.EPERM), {}, FILTERED, "no", "seccomp"),
        (Outcome(-1, 0, killed=True), {}, FILTERED, "no", "seccomp"),
        (Outcome(-1, errno.EPERM), {}, NOBODY._replace(apparmor="x (enforce)"), "no", "apparmor"),
        (
            Outcome(-1, errno.EPERM),
            {"io_uring_disabled": 0, "apparmor_restrict_unprivileged_io_uring": 1},
            NOBODY,
            "no",
            "apparmor",
        ),
        (Outcome(-1, errno.EPERM), {}, ROOT, "no", "kernel"),
        (Outcome(-1, errno.ENOMEM), {}, NOBODY, "no", "memlock"),
        (Outcome(-1, errno.EMFILE), {}, NOBODY, "unknown", "kernel"),
        (Outcome(-1, errno.EINVAL), {}, NOBODY, "unknown", "kernel"),
    ],
)
def test_which_layer_refused(
    *,
    tmp_path: pathlib.Path,
    outcome: Outcome,
    settings: dict[str, int],
    caller: Caller,
    answer: str,
    decided_by: str,
) -> None:
    for name, value in settings.items():
        path = tmp_path / "proc" / "sys" / "kernel" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    result = io_uring.read_io_uring(host({"io_uring_setup": outcome}, root=tmp_path, caller=caller))
    assert result["usable"] == answer
    assert (result["setup"]["plain"]["answer"], result["decided_by"]) == (answer, decided_by), result[
        "reason"
    ]
    assert (result["features"], result["opcodes"], result["limits"]) == (None, None, None)


def test_sqpoll_needed_a_capability_before_5_11() -> None:
    asked = host({"io_uring_setup": Outcome(-1, errno.EPERM)}, caller=NOBODY)
    assert io_uring.have_setup(asked, "sqpoll").decided_by == "capability"
    assert io_uring.have_setup(asked, "plain").decided_by == "kernel"


def test_a_register_that_is_refused_leaves_the_opcodes_open() -> None:
    rings = Kernel("6.12")
    answers = {"io_uring_setup": rings.setup, "io_uring_register": Outcome(-1, errno.EACCES)}
    result = io_uring.read_io_uring(host(answers, root=FIXTURES / "6.12", caller=ROOT))
    assert result["usable"] == "yes"
    assert result["opcodes"] is None


def test_an_unknown_architecture_is_unknown() -> None:
    result = io_uring.read_io_uring(Kernel("6.12").host()._replace(machine="m68k"))
    assert (result["usable"], result["setup"]["plain"]["answer"]) == ("unknown", "unknown")


@pytest.mark.parametrize("kernel", KERNELS)
def test_parse_recorded_params(kernel: str) -> None:
    params = io_uring_abi.parse_params(recorded(kernel, "params"))
    assert (params.sq_entries, params.cq_entries) == (8, 16)


def test_layouts() -> None:
    assert len(io_uring_abi.new_params(0)) == 120
    assert io_uring_abi.PROBE_SIZE == 16 + 256 * 8
    assert io_uring_abi.OPCODES.index("PIPE") == 62
    assert io_uring_abi.OPCODES[45] == "SOCKET"
    assert io_uring_abi.SETUP_FLAGS["CQE_MIXED"] == 1 << 18
    assert io_uring_abi.names_of_bits(1 | 1 << 40, io_uring_abi.FEATURES) == ["SINGLE_MMAP", "BIT_40"]


def test_a_damaged_probe_is_not_read_beyond_its_end() -> None:
    short = recorded("6.12", "probe")[: 16 + 3 * 8]
    opcodes = io_uring_abi.parse_probe(short)
    assert [name for name, supported in opcodes.items() if supported] == ["NOP", "READV", "WRITEV"]
    newer = bytearray(io_uring_abi.PROBE_SIZE)
    newer[0:2] = bytes((200, 1))
    newer[16:24] = bytes((200, 0, 1, 0, 0, 0, 0, 0))
    assert io_uring_abi.parse_probe(newer)["OP_200"] is True
