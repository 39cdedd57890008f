# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Rings made in every way there is: which ways this kernel knows, and who refuses one."""

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
    "limited",
    "make_ring",
    "memlock",
    "no_memory",
    "opened",
    "policies",
]

ENTRIES = 8  # small enough for any limit of locked memory that allows a ring at all
_PAGE = 1 << 16  # the largest page of any architecture; rings of this few entries fit one page
# Memory of a closed ring is given back a little later, by a worker of the kernel.
PAUSES = (0.05, 0.1, 0.2, 0.4)


class Setup(t.NamedTuple):
    """One way to make a ring. ``since`` only explains; the attempt decides."""

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
    """The settings that refuse a ring.

    Commit 76d3ccecfa18 ("io_uring: add a sysctl to disable io_uring system-wide"), Linux 6.6: 2 is for everybody, 1 for
    all but CAP_SYS_ADMIN and the members of one group, where -1 is no group.
    """
    group = read_sysctl(root, "kernel.io_uring_group")
    allowed = f"membership of group {group}" if group is not None and group >= 0 else "a group that may"
    return (
        Policy("kernel.io_uring_disabled", lambda value, who: value >= 2, ""),
        Policy(
            "kernel.io_uring_disabled",
            lambda value, who: value == 1 and not who.can(CAP_SYS_ADMIN) and group not in who.groups,
            f"CAP_SYS_ADMIN and {allowed} (kernel.io_uring_group is {group})",
        ),
        # Of Ubuntu: a ring needs a profile that allows it, or the capability.
        Policy(
            "kernel.apparmor_restrict_unprivileged_io_uring",
            lambda value, who: value == 1 and not who.can(CAP_SYS_ADMIN),
            "a profile with the rule io_uring",
        ),
    )


def memlock(root: str) -> dict[str, int | None] | None:
    """The limit of locked memory of this process, in bytes; None within: unlimited."""
    return parse_limits(read(root, "proc/self/limits").text or "").get("memlock")


def limited(root: str, caller: Caller) -> bool:
    """Whether the limit of locked memory counts for the caller; CAP_IPC_LOCK is exempt."""
    limit = memlock(root)
    return not caller.can(CAP_IPC_LOCK) and (limit is None or limit["soft"] is not None)


class Ring(t.NamedTuple):
    """An attempt at io_uring_setup and what the kernel wrote."""

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
    """Make a ring, whose descriptor is the caller's to close. None: its number is not known on this machine.

    :param in_child: make it in a child that ends with it, as ``uid`` if one is given
    :param again: whether earlier rings of ours may still be charged to the limit, so that a refusal is tried again
    """
    number = number_of("io_uring_setup", machine=host.machine)
    if number is None:
        return None
    call = functools.partial(host.syscalls.in_child, uid=uid) if in_child else host.syscalls
    memory = bytearray(3 * _PAGE)  # pinned by NO_MMAP as long as the ring lives
    start = -(-host.syscalls.address_of(memory) // _PAGE) * _PAGE if "NO_MMAP" in flags else 0
    bits = sum(SETUP_FLAGS[flag] for flag in flags)
    for pause in (*(PAUSES if again and limited(host.root, host.caller) else ()), 0):
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
    """Descriptor and parameters of a ring, if it was made, closed afterwards: ``for fd, params in opened(ring)``."""
    if ring is not None and ring.outcome.value >= 0:
        try:
            yield ring.outcome.value, ring.params
        finally:
            os.close(ring.outcome.value)


def have_setup(host: Host, name: str, *, again: bool = False) -> Probe:
    """Probe the running kernel for a ring made in one of the ways of SETUPS."""
    flags = SETUPS[name].flags
    # Registered, a ring is an index of the process that made it, and goes with the process.
    in_child = "REGISTERED_FD_ONLY" in flags
    ring = make_ring(host, flags=flags, in_child=in_child, again=again)
    if ring is None:
        return unknown("kernel", f"the system call number of io_uring_setup on {host.machine} is not known")
    if not in_child:
        for dummy in opened(ring):
            pass
    return judge_setup(ring.outcome, host=host, name=name)


def judge_setup(outcome: Outcome, *, host: Host, name: str) -> Probe:
    """What an answer of io_uring_setup says."""
    setup = SETUPS[name]
    if outcome.errno == errno.ENOMEM:
        return no_memory(host)
    if outcome.errno == errno.EINVAL and setup.flags:
        return no(
            "kernel",
            f"EINVAL: this kernel does not know {setup.flags[-1]} (since Linux {setup.since})",
        )
    # Before commit 28cea78af449 (Linux 5.11) a polling thread needed the capability.
    needs = "CAP_SYS_ADMIN" if name == "sqpoll" and not host.caller.can(CAP_SYS_ADMIN) else ""
    return judge(
        outcome,
        root=host.root,
        caller=host.caller,
        policies=policies(host.root),
        needs=needs,
        since=setup.since,
    )


def no_memory(host: Host) -> Probe:
    """What ENOMEM says."""
    limit = memlock(host.root)
    if not limited(host.root, host.caller):
        return unknown("kernel", "ENOMEM, though no limit of locked memory counts here: memory is short")
    size = "not readable" if limit is None else f"{limit['soft']} bytes"
    return no(
        "memlock", f"ENOMEM: RLIMIT_MEMLOCK is {size}, counted over all processes of the user, and used up"
    )
