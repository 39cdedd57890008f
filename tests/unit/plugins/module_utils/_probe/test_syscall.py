# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make harmless system calls on the machine that runs the tests, and install one filter."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import (
    NUMBERS,
    HostSyscalls,
    number_of,
)

MACHINE = os.uname().machine
GETRANDOM = number_of("getrandom", machine=MACHINE)
MEMFD_SECRET = number_of("memfd_secret", machine=MACHINE)
PIDFD_OPEN = number_of("pidfd_open", machine=MACHINE)


def test_numbers_depend_on_the_architecture() -> None:
    assert number_of("bpf", machine="x86_64") == 321
    assert number_of("bpf", machine="aarch64") == number_of("bpf", machine="riscv64") == 280
    assert number_of("statx", machine="ppc64le") == 383
    assert number_of("statx", machine="s390x") == 379
    assert number_of("bpf", machine="m68k") is None
    for name, numbers in NUMBERS.items():
        if min(numbers) >= 424:
            assert len(set(numbers)) == 1, f"{name} is one of the common numbers"


def test_a_call_writes_to_a_buffer() -> None:
    assert GETRANDOM is not None
    buffer = bytearray(64)
    outcome = HostSyscalls(guarded=False)(GETRANDOM, buffer, len(buffer), 0)
    assert outcome == (64, 0, False)
    assert buffer != bytearray(64)


def test_a_failed_call_returns_its_errno() -> None:
    assert PIDFD_OPEN is not None
    syscalls = HostSyscalls(guarded=False)
    assert syscalls(PIDFD_OPEN, 0, 0) == (-1, errno.EINVAL, False)
    assert syscalls.in_child(PIDFD_OPEN, 0, 0) == (-1, errno.EINVAL, False)


def test_a_filter_that_kills_ends_only_the_child() -> None:
    assert MEMFD_SECRET is not None
    syscalls = HostSyscalls(guarded=True)
    child = os.fork()
    if child == 0:
        # A filter stays for the rest of the life of its process, so the test forks one.
        status = 2
        try:
            _kill_on(MEMFD_SECRET)
            killed = syscalls(MEMFD_SECRET, 0).killed
            others = syscalls(number_of("epoll_create1", machine=MACHINE) or 0, 0)
            status = 0 if killed and others.value >= 0 else 1
        finally:
            os._exit(status)
    dummy, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def _kill_on(number: int) -> None:
    """Install a seccomp filter that kills the process on this call and allows every other."""
    instructions = [
        (0x20, 0, 0, 0),  # load the number
        (0x15, 0, 1, number),  # equal?
        (0x06, 0, 0, 0x80000000),  # SECCOMP_RET_KILL_PROCESS
        (0x06, 0, 0, 0x7FFF0000),  # SECCOMP_RET_ALLOW
    ]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in instructions))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(instructions), ctypes.addressof(program)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, header, 0, 0):  # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP
        pytest.fail(f"no filter could be set: {os.strerror(ctypes.get_errno())}")
