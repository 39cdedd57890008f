# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Memory that io_uring locks: how much of it may be registered, and whether rings are charged as well."""

from __future__ import annotations

import errno
import mmap
import resource
import time
import typing as t

from .._kernel.numa import parse_meminfo
from .._probe.answer import Probe, no, unknown, yes
from .._probe.caller import CAP_IPC_LOCK
from .._probe.files import read
from .._probe.host import Host
from .._probe.syscall import Outcome, number_of
from .abi import REGISTERS, iovec
from .setup import PAUSES, limited, make_ring, memlock, no_memory, opened

__all__ = ["have_charged_rings", "parse_available", "registered_buffers"]

_MOST = 64 << 20  # bytes that are locked at most, for a moment
_NOBODY = 65534


def registered_buffers(host: Host) -> dict[str, t.Any]:
    """Probe the running kernel for memory registered with a ring (IORING_REGISTER_BUFFERS), and for how much."""
    limit = memlock(host.root) or {"soft": None}
    answer, most, tried = _registered(host)
    return {
        **answer.report(),
        "limit_bytes": limit["soft"] if limited(host.root, host.caller) else None,
        "registered_bytes": most,
        "tried_bytes": tried,
        "exempt": host.caller.can(CAP_IPC_LOCK),
    }


def parse_available(meminfo: str) -> int:
    """Bytes of memory that are free or could be freed, from /proc/meminfo; 0 where that does not say."""
    return parse_meminfo(meminfo).get("MemAvailable", 0)


def _registered(host: Host) -> tuple[Probe, int | None, int | None]:
    number = number_of("io_uring_register", machine=host.machine)
    # As much as the limit and one page more, which it must refuse; never a large part of the host's memory.
    limit = (memlock(host.root) or {"soft": None})["soft"]
    within = parse_available(read(host.root, "proc/meminfo").text or "") // 8
    wanted = _MOST if limit is None or not limited(host.root, host.caller) else limit + mmap.PAGESIZE
    size = max(mmap.PAGESIZE, min(_MOST, within, wanted) // mmap.PAGESIZE * mmap.PAGESIZE)
    for ring, dummy in opened(make_ring(host)) if number is not None else ():
        with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
            if hasattr(mmap, "MADV_NOHUGEPAGE"):
                memory.madvise(mmap.MADV_NOHUGEPAGE)  # a huge page is charged whole
            return _settled(host, number=t.cast(int, number), ring=ring, memory=memory)
    return unknown("kernel", "no ring to register memory with"), None, None


def _settled(
    host: Host, *, number: int, ring: int, memory: mmap.mmap
) -> tuple[Probe, int | None, int | None]:
    """The same answer twice: rings closed a moment ago are still charged."""
    found = _search(host, number=number, ring=ring, memory=memory)
    for pause in PAUSES if found[1] != len(memory) and limited(host.root, host.caller) else ():
        time.sleep(pause)
        before, found = found, _search(host, number=number, ring=ring, memory=memory)
        if found == before:
            break
    return found


def _search(host: Host, *, number: int, ring: int, memory: mmap.mmap) -> tuple[Probe, int | None, int | None]:
    """The most pages that can be registered, by halving what is between worked and refused."""
    address = host.syscalls.address_of(memory)

    def attempt(pages: int) -> Outcome:
        vector = iovec(address, pages * mmap.PAGESIZE)
        outcome = host.syscalls(number, ring, REGISTERS.index("BUFFERS"), vector, 1)
        if outcome.value >= 0:
            host.syscalls(number, ring, REGISTERS.index("UNREGISTER_BUFFERS"), 0, 0)
        return outcome

    total = len(memory) // mmap.PAGESIZE
    least = attempt(1)
    if least.value < 0:
        return _refused(host, least), 0, mmap.PAGESIZE
    worked, refused = 1, total + 1
    pages = total
    while refused - worked > 1:
        if attempt(pages).value >= 0:
            worked = pages
        else:
            refused = pages
        pages = (worked + refused) // 2
    most = worked * mmap.PAGESIZE
    return yes("kernel", _described(host, most=most, all_of_it=worked == total)), most, len(memory)


def _described(host: Host, *, most: int, all_of_it: bool) -> str:
    if not all_of_it:
        return f"registered {most} bytes; RLIMIT_MEMLOCK and what the user has locked already forbid more"
    return f"registered {most} bytes, all that was tried" + (
        "" if limited(host.root, host.caller) else "; no limit of locked memory counts for the caller"
    )


def _refused(host: Host, outcome: Outcome) -> Probe:
    if outcome.errno == errno.ENOMEM:
        return no_memory(host)
    if outcome.killed:
        return no("seccomp", "a seccomp filter kills the process that calls io_uring_register (SIGSYS)")
    name = errno.errorcode.get(outcome.errno, str(outcome.errno))
    if outcome.errno in (errno.EPERM, errno.EACCES) and host.caller.filtered:
        return no("seccomp", f"{name} from io_uring_register under a seccomp filter")
    return unknown("kernel", f"tried, {name} does not tell")


def have_charged_rings(host: Host) -> Probe:
    """Probe the running kernel for rings that are charged to RLIMIT_MEMLOCK.

    They were before commit 26bfa89e25f4 (Linux 5.12), and are again from 6.14, when rings became memory regions.
    """
    exempt = host.caller.can(CAP_IPC_LOCK)
    if exempt and host.caller.uid != 0:
        return unknown("capability", "the caller is exempt by CAP_IPC_LOCK, and cannot become another user")
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, hard))
    try:
        ring = make_ring(host, in_child=True, uid=_NOBODY if exempt else None, again=False)
    finally:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (soft, hard))
    if ring is None:
        return unknown("kernel", f"the system call number of io_uring_setup on {host.machine} is not known")
    if ring.outcome.value >= 0:
        return no("kernel", "a ring was made with RLIMIT_MEMLOCK at 0")
    if ring.outcome.errno == errno.ENOMEM:
        return yes("kernel", "no ring can be made with RLIMIT_MEMLOCK at 0")
    name = errno.errorcode.get(ring.outcome.errno, "no answer")
    return unknown("kernel", f"tried without locked memory, {name} does not tell")
