# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Probe how much memory io_uring may lock, and whether the kernel charges rings to the limit."""

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
from .setup import PAUSES, is_limited, judge_enomem, make_ring, memlock, opened

__all__ = ["have_charged_rings", "parse_available", "registered_buffers"]

_MAX_LOCKED = 64 << 20  # the most bytes that the probe locks
_NOBODY = 65534


def registered_buffers(host: Host) -> dict[str, t.Any]:
    """Probe how much memory the running kernel lets a ring register (IORING_REGISTER_BUFFERS)."""
    limit = memlock(host.root) or {"soft": None}
    answer, largest, tried = _registered(host)
    return {
        **answer.report(),
        "limit_bytes": limit["soft"] if is_limited(host.root, host.caller) else None,
        "registered_bytes": largest,
        "tried_bytes": tried,
        "exempt": host.caller.can(CAP_IPC_LOCK),
    }


def parse_available(meminfo: str) -> int:
    """Parse MemAvailable in bytes from /proc/meminfo. Return 0 where it is missing."""
    return parse_meminfo(meminfo).get("MemAvailable", 0)


def _registered(host: Host) -> tuple[Probe, int | None, int | None]:
    number = number_of("io_uring_register", machine=host.machine)
    # Try one page more than the limit, which the kernel must refuse, but at most an eighth of the available memory.
    limit = (memlock(host.root) or {"soft": None})["soft"]
    within = parse_available(read(host.root, "proc/meminfo").text or "") // 8
    wanted = _MAX_LOCKED if limit is None or not is_limited(host.root, host.caller) else limit + mmap.PAGESIZE
    size = max(mmap.PAGESIZE, min(_MAX_LOCKED, within, wanted) // mmap.PAGESIZE * mmap.PAGESIZE)
    for ring, dummy in opened(make_ring(host)) if number is not None else ():
        with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
            if hasattr(mmap, "MADV_NOHUGEPAGE"):
                memory.madvise(mmap.MADV_NOHUGEPAGE)  # the kernel charges a huge page as a whole
            return _search_until_stable(host, number=t.cast(int, number), ring=ring, memory=memory)
    return unknown("kernel", "no ring to register memory with"), None, None


def _search_until_stable(
    host: Host, *, number: int, ring: int, memory: mmap.mmap
) -> tuple[Probe, int | None, int | None]:
    """Search until two results agree, because the kernel charges closed rings for a while."""
    found = _search(host, number=number, ring=ring, memory=memory)
    for pause in PAUSES if found[1] != len(memory) and is_limited(host.root, host.caller) else ():
        time.sleep(pause)
        before, found = found, _search(host, number=number, ring=ring, memory=memory)
        if found == before:
            break
    return found


def _search(host: Host, *, number: int, ring: int, memory: mmap.mmap) -> tuple[Probe, int | None, int | None]:
    """Find the most pages that can be registered, with a binary search."""
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
    largest = worked * mmap.PAGESIZE
    return yes("kernel", _description(host, largest=largest, all_of_it=worked == total)), largest, len(memory)


def _description(host: Host, *, largest: int, all_of_it: bool) -> str:
    if not all_of_it:
        return f"registered {largest} bytes; RLIMIT_MEMLOCK and the memory already locked by the user allow no more"
    return f"registered {largest} bytes, all that was tried" + (
        "" if is_limited(host.root, host.caller) else "; no limit of locked memory applies to the caller"
    )


def _refused(host: Host, outcome: Outcome) -> Probe:
    if outcome.errno == errno.ENOMEM:
        return judge_enomem(host)
    if outcome.killed:
        return no("seccomp", "a seccomp filter kills the process that calls io_uring_register (SIGSYS)")
    name = errno.errorcode.get(outcome.errno, str(outcome.errno))
    if outcome.errno in (errno.EPERM, errno.EACCES) and host.caller.filtered:
        return no("seccomp", f"{name} from io_uring_register under a seccomp filter")
    return unknown("kernel", f"tried, {name} is inconclusive")


def have_charged_rings(host: Host) -> Probe:
    """Probe whether the running kernel charges rings to RLIMIT_MEMLOCK.

    Kernels do so before commit 26bfa89e25f4 (Linux 5.12), and again since 6.14, when rings became memory regions.
    """
    exempt = host.caller.can(CAP_IPC_LOCK)
    if exempt and host.caller.uid != 0:
        return unknown("capability", "CAP_IPC_LOCK exempts the caller, and it cannot become another user")
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, hard))
    try:
        ring = make_ring(host, in_child=True, uid=_NOBODY if exempt else None, again=False)
    finally:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (soft, hard))
    if ring is None:
        return unknown("kernel", f"the system call number of io_uring_setup on {host.machine} is not known")
    if ring.outcome.value >= 0:
        return no("kernel", "a ring was created with RLIMIT_MEMLOCK=0")
    if ring.outcome.errno == errno.ENOMEM:
        return yes("kernel", "no ring can be created with RLIMIT_MEMLOCK=0")
    name = errno.errorcode.get(ring.outcome.errno, "no error")
    return unknown("kernel", f"tried without locked memory, {name} is inconclusive")
