# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""System calls that Go programs and their tools use, each with an attempt that changes nothing."""

from __future__ import annotations

import errno
import os
import struct
import typing as t

from .caller import CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, CAP_SYS_PTRACE, Caller, Policy, judge
from .probe import Probe, unknown
from .syscall import Argument, Outcome, Syscalls, number_of

__all__ = ["TABLE", "Attempt", "have_syscall", "make", "probe_syscalls"]

_ALL_BITS = 0xFFFFFFFF  # no call knows all flags, so this is EINVAL before anything is done
_CLOEXEC = os.O_CLOEXEC


class Attempt(t.NamedTuple):
    """One call and how to read its answer. ``since`` only explains; the attempt decides."""

    since: str
    arguments: tuple[Argument, ...]
    proves: tuple[int, ...] = ()
    returns_fd: bool = False
    policies: tuple[Policy, ...] = ()
    needs: str = ""


_BPF = Policy(
    "kernel.unprivileged_bpf_disabled", lambda value, who: value > 0 and not who.can(CAP_BPF, CAP_SYS_ADMIN)
)
_PERF = Policy(
    "kernel.perf_event_paranoid", lambda value, who: value > 2 and not who.can(CAP_PERFMON, CAP_SYS_ADMIN)
)
_USERFAULT = Policy(
    "vm.unprivileged_userfaultfd", lambda value, who: value == 0 and not who.can(CAP_SYS_PTRACE)
)

# union bpf_attr for BPF_MAP_CREATE: type ARRAY, key 4, value 4, one entry.
_BPF_MAP = struct.pack("=IIII56x", 2, 4, 4, 1)
# struct perf_event_attr, its first size (64): type SOFTWARE, config DUMMY (9), disabled | exclude_kernel | exclude_hv.
_PERF_ATTR = struct.pack("=IIQQQQQ16x", 1, 64, 9, 0, 0, 0, 1 | 1 << 5 | 1 << 6)

TABLE: dict[str, Attempt] = {
    # Commit 99c55f7d47c0. An array map of four bytes, closed at once.
    "bpf": Attempt("3.18", (0, _BPF_MAP, len(_BPF_MAP)), returns_fd=True, policies=(_BPF,), needs="CAP_BPF"),
    # Commit 7f192e3cd316. Go uses it for SysProcAttr.UseCgroupFD.
    "clone3": Attempt("5.3", (0, 0), (errno.EINVAL,)),
    # Commit 278a5fbaed89. The first descriptor is above the last.
    "close_range": Attempt("5.9", (1, 0, 0), (errno.EINVAL,)),
    # Commit 29732938a628. io.Copy between files.
    "copy_file_range": Attempt("4.5", (-1, 0, -1, 0, 0, _ALL_BITS), (errno.EINVAL, errno.EBADF)),
    # Commit a0998b50c3f0. The network poller of the Go runtime.
    "epoll_create1": Attempt("2.6.27", (_CLOEXEC,), returns_fd=True),
    # Commit 58169a52ebc9.
    "epoll_pwait2": Attempt("5.11", (-1, 0, 0, 0, 0, 0), (errno.EINVAL, errno.EBADF)),
    # Commit c8ffd8bcdd28.
    "faccessat2": Attempt("5.8", (-1, 0, 0, _ALL_BITS), (errno.EINVAL,)),
    # Commit 09da082b07bb.
    "fchmodat2": Attempt("6.6", (-1, 0, 0, _ALL_BITS), (errno.EINVAL,)),
    # Commit bf69bad38cf6.
    "futex_waitv": Attempt("5.16", (0, 0, 0, 0, 0), (errno.EINVAL,)),
    # Commit c6e9d6f38894. crypto/rand.
    "getrandom": Attempt("3.17", (0, 0, 0)),
    # Commits 265885daf3e5 and 3532b0b4352c. Asks for the version of the interface.
    "landlock_create_ruleset": Attempt("5.13", (0, 0, 1)),
    # Commit 1507f51255c9. Until b758fe6df50d (6.5) it needs secretmem.enable on the kernel command line.
    "memfd_secret": Attempt("5.14", (_ALL_BITS,), (errno.EINVAL,)),
    # Commit fddb5d430ad9. os.Root and safe path lookups.
    "openat2": Attempt("5.6", (-1, 0, 0, 0), (errno.EINVAL,)),
    # Commit 0793a61d4df8. A counter of this thread that never counts.
    "perf_event_open": Attempt(
        "2.6.31", (_PERF_ATTR, 0, -1, -1, 8), returns_fd=True, policies=(_PERF,), needs="CAP_PERFMON"
    ),
    # Commit 32fcb426ec00. os.Process since Go 1.23.
    "pidfd_open": Attempt("5.3", (1, 0), returns_fd=True),
    # Commit 3eb39f47934f. os.Process since Go 1.23.
    "pidfd_send_signal": Attempt("5.1", (-1, 0, 0, 0), (errno.EBADF, errno.EINVAL)),
    # Commit ecb8ac8b1f14.
    "process_madvise": Attempt("5.10", (-1, 0, 0, 0, _ALL_BITS), (errno.EINVAL, errno.EBADF)),
    # Since 2.5.8. The Go runtime counts its processors with it.
    "sched_getaffinity": Attempt("2.6", (0, 0, 0), (errno.EINVAL,)),
    # Commit a528d35e8bfc.
    "statx": Attempt("4.11", (-1, 0, _ALL_BITS, 0, 0), (errno.EINVAL, errno.EFAULT, errno.EBADF)),
    # Commit 86039bd3b4e6. Whether faults of the kernel itself may be handled, too.
    "userfaultfd": Attempt(
        "4.3", (_CLOEXEC | os.O_NONBLOCK,), returns_fd=True, policies=(_USERFAULT,), needs="CAP_SYS_PTRACE"
    ),
}


def make(name: str, *, machine: str, syscalls: Syscalls) -> Outcome | None:
    """Make one call of the table and close what it opened; None: no number on this architecture."""
    number = number_of(name, machine=machine)
    if number is None:
        return None
    outcome = syscalls(number, *TABLE[name].arguments)
    if TABLE[name].returns_fd and outcome.value >= 0:
        os.close(outcome.value)
    return outcome


def have_syscall(name: str, *, machine: str, syscalls: Syscalls, root: str, caller: Caller) -> Probe:
    """Probe the running kernel for one system call of the table."""
    outcome = make(name, machine=machine, syscalls=syscalls)
    if outcome is None:
        return unknown("kernel", f"the number of {name} on {machine} is not known here")
    attempt = TABLE[name]
    return judge(
        outcome,
        root=root,
        caller=caller,
        proves=attempt.proves,
        policies=attempt.policies,
        needs=attempt.needs,
        since=attempt.since,
    )


def probe_syscalls(*, machine: str, syscalls: Syscalls, root: str, caller: Caller) -> dict[str, Probe]:
    """Every call of the table."""
    return {
        name: have_syscall(name, machine=machine, syscalls=syscalls, root=root, caller=caller)
        for name in sorted(TABLE)
    }
