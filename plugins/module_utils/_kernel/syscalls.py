# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Probe the system calls that Go programs and their tools use, with attempts that change nothing."""

from __future__ import annotations

import errno
import os
import struct
import typing as t

from .._probe.answer import Probe, no, unknown
from .._probe.caller import CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, CAP_SYS_PTRACE, Caller, Policy, judge
from .._probe.syscall import Argument, Outcome, Syscalls, number_of

__all__ = ["TABLE", "Attempt", "have_syscall", "make", "probe_syscalls"]

_ALL_BITS = 0xFFFFFFFF  # no call has all flags, so the kernel returns EINVAL before it does anything
_CLOEXEC = os.O_CLOEXEC


class Attempt(t.NamedTuple):
    """One call and how to judge its result. ``since`` is for the reason only, the attempt decides."""

    since: str
    arguments: tuple[Argument, ...]
    proves: tuple[int, ...] = ()
    returns_fd: bool = False
    policies: tuple[Policy, ...] = ()
    needs: str = ""
    # What calls it in Go. Empty: Go does not use it, only other tools do.
    go: str = ""
    # The system call, where the entry is one use of it.
    call: str = ""
    # Error numbers that a kernel without this use of the call returns.
    lacks: tuple[int, ...] = ()


_BPF = Policy(
    "kernel.unprivileged_bpf_disabled", lambda value, who: value > 0 and not who.can(CAP_BPF, CAP_SYS_ADMIN)
)
_PERF = Policy(
    "kernel.perf_event_paranoid", lambda value, who: value > 2 and not who.can(CAP_PERFMON, CAP_SYS_ADMIN)
)
_USERFAULT = Policy(
    "vm.unprivileged_userfaultfd", lambda value, who: value == 0 and not who.can(CAP_SYS_PTRACE)
)
_MPTCP = Policy("net.mptcp.enabled", lambda value, who: value == 0)

# union bpf_attr for BPF_MAP_CREATE: type ARRAY, key 4, value 4, one entry.
_BPF_MAP = struct.pack("=IIII56x", 2, 4, 4, 1)
# struct perf_event_attr, its first size (64): type SOFTWARE, config DUMMY (9), disabled | exclude_kernel | exclude_hv.
_PERF_ATTR = struct.pack("=IIQQQQQ16x", 1, 64, 9, 0, 0, 0, 1 | 1 << 5 | 1 << 6)

TABLE: dict[str, Attempt] = {
    # Commit de11defebf00.
    "accept4": Attempt("2.6.28", (-1, 0, 0, 0), (errno.EBADF,), go="net: accepts connections"),
    # Commit 99c55f7d47c0. Creates an array map of four bytes and closes it.
    "bpf": Attempt("3.18", (0, _BPF_MAP, len(_BPF_MAP)), returns_fd=True, policies=(_BPF,), needs="CAP_BPF"),
    # Commit 7f192e3cd316.
    "clone3": Attempt("5.3", (0, 0), (errno.EINVAL,), go="syscall: SysProcAttr.UseCgroupFD"),
    # Commit 278a5fbaed89. The first descriptor is greater than the last.
    "close_range": Attempt("5.9", (1, 0, 0), (errno.EINVAL,)),
    # Commit 29732938a628.
    "copy_file_range": Attempt(
        "4.5", (-1, 0, -1, 0, 0, _ALL_BITS), (errno.EINVAL, errno.EBADF), go="os: io.Copy between files"
    ),
    # Commit a0998b50c3f0.
    "epoll_create1": Attempt("2.6.27", (_CLOEXEC,), returns_fd=True, go="runtime: network poller"),
    "epoll_ctl": Attempt("2.6", (-1, 0, -1, 0), (errno.EBADF, errno.EFAULT), go="runtime: network poller"),
    # The number of events is zero.
    "epoll_pwait": Attempt(
        "2.6.19", (-1, 0, 0, 0, 0, 8), (errno.EINVAL, errno.EBADF), go="runtime: network poller"
    ),
    # Commit 58169a52ebc9.
    "epoll_pwait2": Attempt("5.11", (-1, 0, 0, 0, 0, 0), (errno.EINVAL, errno.EBADF)),
    # Commit b087498eb560.
    "eventfd2": Attempt(
        "2.6.27", (0, _CLOEXEC | os.O_NONBLOCK), returns_fd=True, go="runtime: wakes the network poller"
    ),
    # Commit c8ffd8bcdd28.
    "faccessat2": Attempt("5.8", (-1, 0, 0, _ALL_BITS), (errno.EINVAL,), go="os/exec: LookPath"),
    # Commit 09da082b07bb.
    "fchmodat2": Attempt("6.6", (-1, 0, 0, _ALL_BITS), (errno.EINVAL,), go="os: Root.Chmod"),
    # Wakes no one: FUTEX_WAKE | FUTEX_PRIVATE_FLAG at no address.
    "futex": Attempt("2.6", (0, 129, 0, 0, 0, 0), go="runtime: locks and sleeping threads"),
    # Commit bf69bad38cf6.
    "futex_waitv": Attempt("5.16", (0, 0, 0, 0, 0), (errno.EINVAL,)),
    # Commit c6e9d6f38894.
    "getrandom": Attempt("3.17", (0, 0, 0), go="crypto/rand"),
    # Commits 265885daf3e5 and 3532b0b4352c. Queries the version of the interface.
    "landlock_create_ruleset": Attempt("5.13", (0, 0, 1)),
    # Commit 7d8faaf15545. No bytes; EINVAL is for advice that the kernel does not know.
    "madvise_collapse": Attempt(
        "6.1", (0, 0, 25), call="madvise", lacks=(errno.EINVAL,), go="runtime: huge pages for the heap"
    ),
    # Commit 854e9ed09ded.
    "madvise_free": Attempt(
        "4.5", (0, 0, 8), call="madvise", lacks=(errno.EINVAL,), go="runtime: GODEBUG=madvdontneed=0"
    ),
    # Commit 0af4e98b6b09.
    "madvise_hugepage": Attempt(
        "2.6.38", (0, 0, 14), call="madvise", lacks=(errno.EINVAL,), go="runtime: huge pages for the heap"
    ),
    # Commit 1507f51255c9. Until b758fe6df50d (6.5) it needs secretmem.enable on the kernel command line.
    "memfd_secret": Attempt("5.14", (_ALL_BITS,), (errno.EINVAL,)),
    # No bytes.
    "mincore": Attempt("2.4", (0, 0, 0), go="runtime: page size where the kernel gives no auxiliary vector"),
    # Commit f870fa0b5768. Protocol 262. Where the kernel refuses it, Go listens with TCP.
    "mptcp": Attempt(
        "5.6",
        (2, 1 | _CLOEXEC, 262),
        call="socket",
        returns_fd=True,
        policies=(_MPTCP,),
        lacks=(errno.EPROTONOSUPPORT, errno.ENOPROTOOPT, errno.EINVAL),
        go="net: Listen (1.24)",
    ),
    # Commit fddb5d430ad9. Go has its number, but os.Root does not use it.
    "openat2": Attempt("5.6", (-1, 0, 0, 0), (errno.EINVAL,)),
    # Commit 0793a61d4df8. Opens a disabled counter of this thread.
    "perf_event_open": Attempt(
        "2.6.31", (_PERF_ATTR, 0, -1, -1, 8), returns_fd=True, policies=(_PERF,), needs="CAP_PERFMON"
    ),
    # Commit 32fcb426ec00.
    "pidfd_open": Attempt("5.3", (1, 0), returns_fd=True, go="os: Process (1.23)"),
    # Commit 3eb39f47934f.
    "pidfd_send_signal": Attempt(
        "5.1", (-1, 0, 0, 0), (errno.EBADF, errno.EINVAL), go="os: Process.Signal (1.23)"
    ),
    # Commit ed8cae8ba01c.
    "pipe2": Attempt("2.6.27", (0, _ALL_BITS), (errno.EINVAL,), go="os: Pipe, os/exec"),
    # Commit 9a10064f5625. PR_SET_VMA, PR_SET_VMA_ANON_NAME with an empty range.
    "prctl_set_vma": Attempt(
        "5.17",
        (0x53564D41, 0, 0, 0, 0),
        call="prctl",
        lacks=(errno.EINVAL,),
        go="runtime: names its mappings (1.25)",
    ),
    # Commit c022a0acad53. RLIMIT_NOFILE of this process, with neither a new nor an old limit.
    "prlimit64": Attempt("2.6.36", (0, 7, 0, 0), go="syscall: raises the soft limit of descriptors (1.19)"),
    # Commit ecb8ac8b1f14.
    "process_madvise": Attempt("5.10", (-1, 0, 0, 0, _ALL_BITS), (errno.EINVAL, errno.EBADF)),
    # Since 2.5.8.
    "sched_getaffinity": Attempt("2.6", (0, 0, 0), (errno.EINVAL,), go="runtime: counts processors"),
    "sendfile": Attempt("2.2", (-1, -1, 0, 0), (errno.EBADF,), go="net: io.Copy from a file"),
    # A timer that does not exist.
    "setitimer": Attempt("2.0", (99, bytes(32), 0), (errno.EINVAL,), go="runtime/pprof: processor time"),
    # Commit 5274f052e7b3.
    "splice": Attempt(
        "2.6.17", (-1, 0, -1, 0, 1, _ALL_BITS), (errno.EINVAL, errno.EBADF), go="net: io.Copy between sockets"
    ),
    # Commit a528d35e8bfc.
    "statx": Attempt("4.11", (-1, 0, _ALL_BITS, 0, 0), (errno.EINVAL, errno.EFAULT, errno.EBADF)),
    # A thread that does not exist.
    "tgkill": Attempt(
        "2.6", (0, 0, 0), (errno.EINVAL,), go="runtime: stops a goroutine that does not yield (1.14)"
    ),
    # A clock that does not exist.
    "timer_create": Attempt(
        "2.6", (0x7FFFFFFF, 0, 0), (errno.EINVAL,), go="runtime/pprof: processor time of each thread (1.18)"
    ),
    # Commit 86039bd3b4e6. Without UFFD_USER_MODE_ONLY, so faults of the kernel are included.
    "userfaultfd": Attempt(
        "4.3", (_CLOEXEC | os.O_NONBLOCK,), returns_fd=True, policies=(_USERFAULT,), needs="CAP_SYS_PTRACE"
    ),
    # Commit 3695eae5fee0. P_PIDFD with a descriptor that is not open; WNOHANG | WEXITED.
    "waitid_pidfd": Attempt(
        "5.4",
        (3, 0x7FFFFFFF, 0, 5, 0),
        (errno.EBADF,),
        call="waitid",
        lacks=(errno.EINVAL,),
        go="os: Process.Wait (1.23)",
    ),
}


def make(name: str, *, machine: str, syscalls: Syscalls) -> Outcome | None:
    """Make one call of TABLE and close the descriptor that it returned.

    :returns: None where the number of the call on this architecture is not known
    """
    number = number_of(TABLE[name].call or name, machine=machine)
    if number is None:
        return None
    outcome = syscalls(number, *TABLE[name].arguments)
    if TABLE[name].returns_fd and outcome.value >= 0:
        os.close(outcome.value)
    return outcome


def have_syscall(name: str, *, machine: str, syscalls: Syscalls, root: str, caller: Caller) -> Probe:
    """Probe the running kernel for one system call of TABLE."""
    outcome = make(name, machine=machine, syscalls=syscalls)
    if outcome is None:
        return unknown("kernel", f"the system call number of {name} on {machine} is not known")
    attempt = TABLE[name]
    if outcome.errno in attempt.lacks:
        return _lacking(errno.errorcode[outcome.errno], attempt, root, caller)
    return judge(
        outcome,
        root=root,
        caller=caller,
        proves=attempt.proves,
        policies=attempt.policies,
        needs=attempt.needs,
        since=attempt.since,
    )


def _lacking(found: str, attempt: Attempt, root: str, caller: Caller) -> Probe:
    for policy in attempt.policies:
        value = policy.blocking(root, caller)
        if value is not None:
            return no("sysctl", f"{found}: {policy.key} is {value}")
    return no("kernel", f"{found}: not in this kernel (since Linux {attempt.since}), or built without it")


def probe_syscalls(*, machine: str, syscalls: Syscalls, root: str, caller: Caller) -> dict[str, Probe]:
    """Probe every system call of TABLE."""
    return {
        name: have_syscall(name, machine=machine, syscalls=syscalls, root=root, caller=caller)
        for name in sorted(TABLE)
    }
