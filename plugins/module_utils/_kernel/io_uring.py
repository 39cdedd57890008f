# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Rings made and closed again: whether io_uring can be used here, by whom, and with what."""

from __future__ import annotations

import errno
import os
import typing as t

from .caller import CAP_SYS_ADMIN, Caller, Policy, judge
from .files import read, read_sysctl
from .host import Host
from .io_uring_abi import (
    FEATURES,
    PROBE_SIZE,
    REGISTER_PROBE,
    SETUP_FLAGS,
    names_of_bits,
    new_params,
    parse_params,
    parse_probe,
)
from .limits import parse_limits
from .probe import Probe, no, unknown
from .syscall import Outcome, number_of

__all__ = ["POLICIES", "SETUPS", "have_setup", "read_io_uring"]

_ENTRIES = 8  # small enough for any limit of locked memory that allows a ring at all
_HUGE = 1 << 20  # more entries than any kernel gives; CLAMP answers with its own maximum


class Setup(t.NamedTuple):
    """One way to make a ring. ``since`` only explains; the attempt decides."""

    since: str
    flags: tuple[str, ...] = ()


SETUPS: dict[str, Setup] = {
    "plain": Setup("5.1"),  # commit 2b188cc1bb85
    "iopoll": Setup("5.1", ("IOPOLL",)),  # commit def596e9557c
    "sqpoll": Setup("5.1", ("SQPOLL",)),  # commit 6c271ce2f1d5
    "cqsize": Setup("5.5", ("CQSIZE",)),  # commit 33a107f0a1b8
    "submit_all": Setup("5.18", ("SUBMIT_ALL",)),  # commit bcbb7bf6ccde
    "coop_taskrun": Setup("5.19", ("COOP_TASKRUN",)),  # commit e1169f06d5bb
    "sqe128": Setup("5.19", ("SQE128",)),  # commit ebdeb7c01d02
    "cqe32": Setup("5.19", ("CQE32",)),  # commit 7a51e5b44b92
    "single_issuer": Setup("6.0", ("SINGLE_ISSUER",)),  # commit 97bbdc06a444
    "defer_taskrun": Setup("6.1", ("SINGLE_ISSUER", "DEFER_TASKRUN")),  # commit c0e0d6ba25f1
    "no_sqarray": Setup("6.6", ("NO_SQARRAY",)),  # commit 2af89abda7d9
    "hybrid_iopoll": Setup("6.13", ("IOPOLL", "HYBRID_IOPOLL")),  # commit 01ee194d1aba
    "cqe_mixed": Setup("6.18", ("CQE_MIXED",)),  # commit e26dca67fde1
}


def _disabled(value: int, caller: Caller) -> bool:
    return value >= 2


def _restricted(value: int, caller: Caller) -> bool:
    return value == 1 and not caller.can(CAP_SYS_ADMIN)


# Commit 76d3ccecfa18 ("io_uring: add a sysctl to disable io_uring system-wide"), Linux 6.6. Members of the group
# kernel.io_uring_group pass at 1, so a refusal at 1 says that the caller is none of them.
POLICIES = (
    Policy("kernel.io_uring_disabled", lambda value, who: _disabled(value, who) or _restricted(value, who)),
    Policy("kernel.apparmor_restrict_unprivileged_io_uring", _restricted),
)


class Ring(t.NamedTuple):
    """An attempt at io_uring_setup and what the kernel wrote."""

    outcome: Outcome
    params: bytearray


def _setup(host: Host, *, entries: int, flags: t.Sequence[str]) -> Ring | None:
    number = number_of("io_uring_setup", machine=host.machine)
    if number is None:
        return None
    params = new_params(sum(SETUP_FLAGS[flag] for flag in flags))
    if "CQSIZE" in flags:
        params[4:8] = (4 * entries).to_bytes(4, "little" if _little_endian() else "big")
    return Ring(host.syscalls(number, entries, params), params)


def have_setup(host: Host, name: str) -> Probe:
    """Probe the running kernel for a ring made in one of the ways of SETUPS."""
    ring = _setup(host, entries=_ENTRIES, flags=SETUPS[name].flags)
    if ring is None:
        return unknown("kernel", f"the number of io_uring_setup on {host.machine} is not known here")
    if ring.outcome.value >= 0:
        os.close(ring.outcome.value)
    return judge_setup(ring.outcome, host=host, name=name)


def judge_setup(outcome: Outcome, *, host: Host, name: str) -> Probe:
    """What an answer of io_uring_setup says."""
    setup = SETUPS[name]
    if outcome.errno == errno.ENOMEM:
        return no("memlock", "ENOMEM: RLIMIT_MEMLOCK is used up; raise LimitMEMLOCK= of the unit")
    if outcome.errno == errno.EINVAL and setup.flags:
        return no(
            "kernel",
            f"EINVAL: this kernel does not know {setup.flags[-1]} (since Linux {setup.since})",
        )
    # Before commit 28cea78af449 (Linux 5.11) a polling thread needed the capability.
    needs = "CAP_SYS_ADMIN" if name == "sqpoll" and not host.caller.can(CAP_SYS_ADMIN) else ""
    return judge(
        outcome, root=host.root, caller=host.caller, policies=POLICIES, needs=needs, since=setup.since
    )


def read_io_uring(host: Host) -> dict[str, t.Any]:
    """The return values of io_uring_info."""
    setup = {name: have_setup(host, name) for name in SETUPS}
    plain = setup["plain"]
    return {
        "usable": plain.answer,
        "decided_by": plain.decided_by,
        "reason": plain.reason,
        "setup": {name: answer.report() for name, answer in setup.items()},
        **_abilities(host, usable=plain.answer == "yes"),
        "sysctl": {
            name: read_sysctl(host.root, f"kernel.{name}")
            for name in ("io_uring_disabled", "io_uring_group", "apparmor_restrict_unprivileged_io_uring")
        },
        "memlock": parse_limits(read(host.root, "proc/self/limits").text or "").get("memlock"),
        "caller": host.caller.report(),
    }


def _abilities(host: Host, *, usable: bool) -> dict[str, t.Any]:
    """Features, opcodes and limits, which only a ring tells."""
    nothing: dict[str, t.Any] = {"features": None, "opcodes": None, "limits": None}
    ring = _setup(host, entries=_ENTRIES, flags=()) if usable else None
    if ring is None or ring.outcome.value < 0:
        return nothing
    try:
        features = parse_params(ring.params).features
        return {
            "features": {"hex": f"{features:#x}", "names": names_of_bits(features, FEATURES)},
            "opcodes": _opcodes(host, ring.outcome.value),
            "limits": _limits(host),
        }
    finally:
        os.close(ring.outcome.value)


def _opcodes(host: Host, ring: int) -> dict[str, bool] | None:
    """REGISTER_PROBE; commit 66f4af93da57, Linux 5.6. None: the kernel or a filter does not answer."""
    number = number_of("io_uring_register", machine=host.machine)
    if number is None:
        return None
    buffer = bytearray(PROBE_SIZE)  # the kernel refuses a buffer that is not zero
    outcome = host.syscalls(number, ring, REGISTER_PROBE, buffer, 256)
    return parse_probe(buffer) if outcome.value == 0 else None


def _limits(host: Host) -> dict[str, int] | None:
    """The largest rings, as the kernel clamps them (Linux 5.6). None: not enough locked memory to see."""
    ring = _setup(host, entries=_HUGE, flags=("CLAMP",))
    if ring is None or ring.outcome.value < 0:
        return None
    os.close(ring.outcome.value)
    params = parse_params(ring.params)
    return {"sq_entries": params.sq_entries, "cq_entries": params.cq_entries}


def _little_endian() -> bool:
    return new_params(1)[8] == 1
