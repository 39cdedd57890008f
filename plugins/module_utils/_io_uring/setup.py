# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Create rings with every setup flag, and find the layer that refuses one."""

from __future__ import annotations

import errno
import functools
import os
import time
import typing as t

from .._kernel.limits import parse_limits
from .._probe.answer import Probe, no, unknown
from .._probe.caller import CAP_IPC_LOCK, CAP_SYS_ADMIN, Caller, Policy, judge
from .._probe.files import read, read_sysctl
from .._probe.host import Host
from .._probe.syscall import Outcome, number_of
from .abi import SETUP_FLAGS, new_params

__all__ = [
    "ENTRIES",
    "PAUSES",
    "SETUPS",
    "Ring",
    "Setup",
    "have_setup",
    "is_limited",
    "judge_enomem",
    "make_ring",
    "memlock",
    "opened",
    "policies",
]

ENTRIES = 8  # small enough for any limit of locked memory that allows a ring
_PAGE = 1 << 16  # the largest page size of any architecture; rings of 8 entries fit one page
# A kernel worker frees the memory of a closed ring a little later.
PAUSES = (0.05, 0.1, 0.2, 0.4)


class Setup(t.NamedTuple):
    """One way to create a ring. ``since`` is for the reason only, the attempt decides."""

    since: str
    flags: tuple[str, ...] = ()


SETUPS: dict[str, Setup] = {
    "plain": Setup("5.1"),  # commit 2b188cc1bb85
    "iopoll": Setup("5.1", ("IOPOLL",)),  # commit def596e9557c
    "sqpoll": Setup("5.1", ("SQPOLL",)),  # commit 6c271ce2f1d5
    "cqsize": Setup("5.5", ("CQSIZE",)),  # commit 33a107f0a1b8
    "clamp": Setup("5.6", ("CLAMP",)),  # commit 8110c1a6212e
    "r_disabled": Setup("5.10", ("R_DISABLED",)),  # commit 7e84e1c7566a
    "submit_all": Setup("5.18", ("SUBMIT_ALL",)),  # commit bcbb7bf6ccde
    "coop_taskrun": Setup("5.19", ("COOP_TASKRUN",)),  # commit e1169f06d5bb
    "taskrun_flag": Setup("5.19", ("COOP_TASKRUN", "TASKRUN_FLAG")),  # commit ef060ea9e4fd
    "sqe128": Setup("5.19", ("SQE128",)),  # commit ebdeb7c01d02
    "cqe32": Setup("5.19", ("CQE32",)),  # commit 7a51e5b44b92
    "single_issuer": Setup("6.0", ("SINGLE_ISSUER",)),  # commit 97bbdc06a444
    "defer_taskrun": Setup("6.1", ("SINGLE_ISSUER", "DEFER_TASKRUN")),  # commit c0e0d6ba25f1
    "no_mmap": Setup("6.5", ("NO_MMAP",)),  # commit 03d89a2de25b
    "registered_fd_only": Setup("6.5", ("NO_MMAP", "REGISTERED_FD_ONLY")),  # commit 6e76ac595855
    "no_sqarray": Setup("6.6", ("NO_SQARRAY",)),  # commit 2af89abda7d9
    "hybrid_iopoll": Setup("6.13", ("IOPOLL", "HYBRID_IOPOLL")),  # commit 01ee194d1aba
    "cqe_mixed": Setup("6.18", ("CQE_MIXED",)),  # commit e26dca67fde1
    "sqe_mixed": Setup("6.19", ("SQE_MIXED",)),
    "sq_rewind": Setup("7.0", ("NO_SQARRAY", "SQ_REWIND")),
}


def policies(root: str) -> tuple[Policy, ...]:
    """Return the settings that can refuse a ring.

    Commit 76d3ccecfa18 ("io_uring: add a sysctl to disable io_uring system-wide"), Linux 6.6. The value 2 disables
    io_uring for every process. 1 disables it except for CAP_SYS_ADMIN and for members of kernel.io_uring_group, where
    -1 is no group.
    """
    group = read_sysctl(root, "kernel.io_uring_group")
    allowed = f"membership of group {group}" if group is not None and group >= 0 else "an allowed group"
    return (
        Policy("kernel.io_uring_disabled", lambda value, who: value >= 2, ""),
        Policy(
            "kernel.io_uring_disabled",
            lambda value, who: value == 1 and not who.can(CAP_SYS_ADMIN) and group not in who.groups,
            f"CAP_SYS_ADMIN and {allowed} (kernel.io_uring_group is {group})",
        ),
        # A setting of Ubuntu. A ring needs an AppArmor profile that allows it, or the capability.
        Policy(
            "kernel.apparmor_restrict_unprivileged_io_uring",
            lambda value, who: value == 1 and not who.can(CAP_SYS_ADMIN),
            "a profile with the rule io_uring",
        ),
    )


def memlock(root: str) -> dict[str, int | None] | None:
    """Return the soft and hard limit of locked memory of this process in bytes, where None means unlimited."""
    return parse_limits(read(root, "proc/self/limits").text or "").get("memlock")


def is_limited(root: str, caller: Caller) -> bool:
    """Return whether a limit of locked memory applies to the caller. CAP_IPC_LOCK exempts it."""
    limit = memlock(root)
    return not caller.can(CAP_IPC_LOCK) and (limit is None or limit["soft"] is not None)


class Ring(t.NamedTuple):
    """The outcome of io_uring_setup and the struct io_uring_params that the kernel wrote."""

    outcome: Outcome
    params: bytearray


def make_ring(
    host: Host,
    *,
    entries: int = ENTRIES,
    flags: t.Sequence[str] = (),
    in_child: bool = False,
    uid: int | None = None,
    again: bool = True,
) -> Ring | None:
    """Create a ring. The caller closes its descriptor.

    :param in_child: create it in a child process that then exits, as ``uid`` if one is given
    :param again: retry a refusal, because the kernel may still charge an earlier ring to the limit
    :returns: None where the number of the system call on this architecture is not known
    """
    number = number_of("io_uring_setup", machine=host.machine)
    if number is None:
        return None
    call = functools.partial(host.syscalls.in_child, uid=uid) if in_child else host.syscalls
    memory = bytearray(3 * _PAGE)  # the kernel pins it for NO_MMAP as long as the ring exists
    start = -(-host.syscalls.address_of(memory) // _PAGE) * _PAGE if "NO_MMAP" in flags else 0
    bits = sum(SETUP_FLAGS[flag] for flag in flags)
    for pause in (*(PAUSES if again and is_limited(host.root, host.caller) else ()), 0):
        params = new_params(
            bits,
            cq_entries=4 * entries if "CQSIZE" in flags else 0,
            sqes=start,
            rings=start and start + _PAGE,
        )
        outcome = call(number, entries, params)
        if outcome.errno != errno.ENOMEM or not pause:
            break
        time.sleep(pause)
    return Ring(outcome, params)


def opened(ring: Ring | None) -> t.Iterator[tuple[int, bytearray]]:
    """Yield the descriptor and the parameters of a ring that was created, and close it afterwards.

    Use it as ``for fd, params in opened(ring)``.
    """
    if ring is not None and ring.outcome.value >= 0:
        try:
            yield ring.outcome.value, ring.params
        finally:
            os.close(ring.outcome.value)


def have_setup(host: Host, name: str, *, again: bool = False) -> Probe:
    """Probe the running kernel for a ring created in one of the ways of SETUPS."""
    flags = SETUPS[name].flags
    # A registered ring has an index instead of a descriptor, and is closed when its process exits.
    in_child = "REGISTERED_FD_ONLY" in flags
    ring = make_ring(host, flags=flags, in_child=in_child, again=again)
    if ring is None:
        return unknown("kernel", f"the system call number of io_uring_setup on {host.machine} is not known")
    if not in_child:
        for dummy in opened(ring):
            pass
    return judge_setup(ring.outcome, host=host, name=name)


def judge_setup(outcome: Outcome, *, host: Host, name: str) -> Probe:
    """Judge the outcome of io_uring_setup."""
    setup = SETUPS[name]
    if outcome.errno == errno.ENOMEM:
        return judge_enomem(host)
    if outcome.errno == errno.EINVAL and setup.flags:
        return no(
            "kernel",
            f"EINVAL: this kernel does not know {setup.flags[-1]} (since Linux {setup.since})",
        )
    # Before commit 28cea78af449 (Linux 5.11) SQPOLL needed the capability.
    needs = "CAP_SYS_ADMIN" if name == "sqpoll" and not host.caller.can(CAP_SYS_ADMIN) else ""
    return judge(
        outcome,
        root=host.root,
        caller=host.caller,
        policies=policies(host.root),
        needs=needs,
        since=setup.since,
    )


def judge_enomem(host: Host) -> Probe:
    """Judge ENOMEM."""
    limit = memlock(host.root)
    if not is_limited(host.root, host.caller):
        return unknown("kernel", "ENOMEM, but no limit of locked memory applies: the host is short of memory")
    size = "not readable" if limit is None else f"{limit['soft']} bytes"
    return no(
        "memlock",
        f"ENOMEM: RLIMIT_MEMLOCK is {size}, which all processes of the user share, and it is used up",
    )
