# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Make system calls by number, with ctypes."""

from __future__ import annotations

import mmap
import os
import signal
import struct
import sys
import typing as t

from .._errors import HostError

__all__ = ["NUMBERS", "Argument", "HostSyscalls", "Outcome", "Syscalls", "number_of"]

# A bytearray is passed by its address. The kernel may write to it.
Argument = t.Union[int, bytearray, bytes]


class Outcome(t.NamedTuple):
    """The result of a system call.

    ``errno`` is 0 where the call succeeded. ``killed``: a seccomp filter killed the process that made the call.
    """

    value: int
    errno: int
    killed: bool = False


class Syscalls(t.Protocol):
    """A function that makes system calls."""

    def __call__(self, number: int, *arguments: Argument) -> Outcome: ...

    def in_child(self, number: int, *arguments: Argument, uid: int | None = None) -> Outcome:
        """Make the call in a child process that then exits.

        :param uid: the user to make the call as, where the caller is root
        """

    def address_of(self, buffer: bytearray | mmap.mmap) -> int:
        """Return the address of a buffer, for a structure that points to it.

        The caller keeps the buffer alive and does not resize it.
        """


# Numbers below 424 depend on the architecture. From 424 on they are the same on all of these.
# Order: x86_64, aarch64 and riscv64, ppc64le, s390x.
_MACHINES = {"x86_64": 0, "aarch64": 1, "riscv64": 1, "ppc64le": 2, "s390x": 3}
NUMBERS: dict[str, tuple[int, int, int, int]] = {
    "accept4": (288, 242, 344, 364),
    "bpf": (321, 280, 361, 351),
    "copy_file_range": (326, 285, 379, 375),
    "epoll_create1": (291, 20, 315, 327),
    "epoll_ctl": (233, 21, 237, 250),
    "epoll_pwait": (281, 22, 303, 312),
    "eventfd2": (290, 19, 314, 323),
    "futex": (202, 98, 221, 238),
    "getrandom": (318, 278, 359, 349),
    "madvise": (28, 233, 205, 219),
    "mincore": (27, 232, 206, 218),
    "perf_event_open": (298, 241, 319, 331),
    "pipe2": (293, 59, 317, 325),
    "prctl": (157, 167, 171, 172),
    "prlimit64": (302, 261, 325, 334),
    "sched_getaffinity": (204, 123, 223, 240),
    "seccomp": (317, 277, 358, 348),
    "sendfile": (40, 71, 186, 187),
    "setitimer": (38, 103, 104, 104),
    "socket": (41, 198, 326, 359),
    "splice": (275, 76, 283, 306),
    "statx": (332, 291, 383, 379),
    "tgkill": (234, 131, 250, 241),
    "timer_create": (222, 107, 240, 254),
    "unshare": (272, 97, 282, 303),
    "userfaultfd": (323, 282, 364, 355),
    "waitid": (247, 95, 272, 281),
    "pidfd_send_signal": (424, 424, 424, 424),
    "io_uring_setup": (425, 425, 425, 425),
    "io_uring_register": (427, 427, 427, 427),
    "pidfd_open": (434, 434, 434, 434),
    "clone3": (435, 435, 435, 435),
    "close_range": (436, 436, 436, 436),
    "openat2": (437, 437, 437, 437),
    "faccessat2": (439, 439, 439, 439),
    "process_madvise": (440, 440, 440, 440),
    "epoll_pwait2": (441, 441, 441, 441),
    "landlock_create_ruleset": (444, 444, 444, 444),
    "memfd_secret": (447, 447, 447, 447),
    "futex_waitv": (449, 449, 449, 449),
    "fchmodat2": (452, 452, 452, 452),
}


def number_of(name: str, *, machine: str) -> int | None:
    """Return the number of a system call on an architecture, or None where the number is not known."""
    # A 32-bit interpreter uses the 32-bit system call table of a 64-bit kernel.
    if machine not in _MACHINES or sys.maxsize < 2**32:
        return None
    return NUMBERS[name][_MACHINES[machine]]


class HostSyscalls:
    """Make system calls on the host that this process runs on."""

    def __init__(self, *, guarded: bool) -> None:
        """
        :param guarded: make each call in a child first, because the caller has a seccomp filter that may kill
        """
        try:
            import ctypes  # noqa: PLC0415 - some minimal installations of Python lack it
        except ImportError as error:
            raise HostError(
                f"Python {sys.version.split()[0]} on the host",
                wanted="the standard module ctypes, to make system calls",
                found=str(error),
                remedy="Install the full standard library of this Python (Debian and Ubuntu: package python3).",
            ) from error
        self._ctypes = ctypes
        self._syscall = ctypes.CDLL(None, use_errno=True).syscall
        self._syscall.restype = ctypes.c_long
        self._guarded = guarded
        self._kills: dict[int, bool] = {}

    def __call__(self, number: int, *arguments: Argument) -> Outcome:
        if self._guarded and self._kills.get(number, True):
            # One try for each number is enough: filters of systemd and of container engines kill by the number only.
            tried = self.in_child(number, *arguments)
            self._kills[number] = tried.killed
            if tried.killed:
                return tried
        return self._call(number, arguments)

    def in_child(self, number: int, *arguments: Argument, uid: int | None = None) -> Outcome:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            self._end_child(writer, number, arguments, uid)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            data = pipe.read()
        dummy, status = os.waitpid(child, 0)
        if len(data) == _RESULT.size:
            return Outcome(*_RESULT.unpack(data))
        return Outcome(-1, 0, killed=os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSYS)

    def address_of(self, buffer: bytearray | mmap.mmap) -> int:
        # The address of its first byte. Creating a ctypes type for the whole buffer takes longer than the call.
        return int(self._ctypes.addressof(self._ctypes.c_char.from_buffer(buffer)))

    def _end_child(
        self, writer: int, number: int, arguments: tuple[Argument, ...], uid: int | None
    ) -> t.NoReturn:
        # The child writes the result and nothing else. It raises no exception, runs no exit handler, flushes no output.
        try:
            if uid is not None and os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
            outcome = self._call(number, arguments)
            os.write(writer, _RESULT.pack(outcome.value, outcome.errno))
        finally:
            os._exit(0)

    def _call(self, number: int, arguments: tuple[Argument, ...]) -> Outcome:
        ctypes = self._ctypes
        passed: list[t.Any] = [ctypes.c_long(number)]
        for argument in arguments:
            if isinstance(argument, bytearray):
                passed.append(ctypes.byref(ctypes.c_char.from_buffer(argument)))
            elif isinstance(argument, bytes):
                passed.append(ctypes.c_char_p(argument))
            else:
                passed.append(ctypes.c_long(argument))
        ctypes.set_errno(0)
        value = int(self._syscall(*passed))
        return Outcome(value, ctypes.get_errno() if value == -1 else 0)


_RESULT = struct.Struct("=qi")
