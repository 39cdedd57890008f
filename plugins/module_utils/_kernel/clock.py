# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Probe the clock source, which decides the cost of time.Now, and read the time namespace."""

from __future__ import annotations

import errno
import os
import re

from .._probe.answer import Probe, no, unknown, yes
from .._probe.caller import CAP_SYS_ADMIN, judge
from .._probe.files import read
from .._probe.host import Facts, Host
from .._probe.syscall import number_of

__all__ = ["have_fast_clock", "have_time_namespaces", "parse_offsets", "probe_clock"]

_SOURCE = "sys/devices/system/clocksource/clocksource0"
_CLONE_NEWTIME = 0x80
_INITIAL = 0xEFFFFFFA  # PROC_TIME_INIT_INO, the initial time namespace

# Clock sources that the vDSO reads in user space.
_FAST = frozenset(
    [
        "arch_sys_counter",
        "hyperv_clocksource_tsc_page",
        "kvm-clock",
        "riscv_clocksource",
        "timebase",
        "tod",
        "tsc",
    ]
)
# Clock sources that read a device, or a counter that only the kernel can read.
_SLOW = frozenset(["acpi_pm", "hpet", "hyperv_clocksource_msr", "jiffies", "pit", "refined-jiffies"])


def have_fast_clock(host: Host) -> Probe:
    """Probe the running kernel for a clock that time.Now of Go reads without a system call.

    Commit 7460ed2844ff ("x86_64: Use vsyscall/vdso clock_gettime"), Linux 2.6.23. The clock source decides.
    """
    found = read(host.root, f"{_SOURCE}/current_clocksource")
    if found.text is None:
        return unknown("kernel", f"/{_SOURCE}/current_clocksource: {found.error or 'does not exist'}")
    name = found.text.strip()
    if name in _FAST:
        return yes("kernel", f"the clock source {name} is read in user space")
    if name in _SLOW:
        return no("kernel", f"the clock source is {name}: each time.Now is a system call")
    return unknown("kernel", f"the clock source {name!r} is not known to this probe")


def have_time_namespaces(host: Host) -> Probe:
    """Probe the running kernel for time namespaces by creating one in a child process.

    Commit 769071ac9f20 ("ns: Introduce Time Namespace"), Linux 5.6.
    """
    number = number_of("unshare", machine=host.machine)
    if number is None:
        return unknown("kernel", f"the system call number of unshare on {host.machine} is not known")
    outcome = host.syscalls.in_child(number, _CLONE_NEWTIME)
    if outcome.errno == errno.EINVAL:
        return no("kernel", "EINVAL: not in this kernel (since Linux 5.6), or built without CONFIG_TIME_NS")
    if outcome.errno == errno.ENOSPC:
        return no("sysctl", "ENOSPC: user.max_time_namespaces is used up or 0")
    if outcome.errno == errno.EPERM and not host.caller.can(CAP_SYS_ADMIN):
        # A filter may refuse it too, but the missing capability is sufficient.
        return no("capability", "EPERM: the caller lacks CAP_SYS_ADMIN")
    return judge(outcome, root=host.root, caller=host.caller, since="5.6")


def parse_offsets(text: str) -> dict[str, float]:
    """Parse the seconds that a time namespace adds to each clock, from lines such as ``monotonic 3600 0``."""
    offsets = {}
    for line in text.splitlines():
        match = re.fullmatch(r"(monotonic|boottime)\s+(-?\d{1,18})\s+(\d{1,9})", line.strip())
        if match is not None:
            offsets[match.group(1)] = int(match.group(2)) + int(match.group(3)) / 1_000_000_000
    return offsets


def probe_clock(host: Host) -> Facts:
    """Read the clock source and the time namespace of this process, whose offsets shift the times in a trace."""
    current = read(host.root, f"{_SOURCE}/current_clocksource").text
    available = read(host.root, f"{_SOURCE}/available_clocksource").text
    offsets = read(host.root, "proc/self/timens_offsets").text
    inode = _namespace(host.root)
    return Facts(
        values={
            "clocksource": current.strip() if current is not None else None,
            "available": available.split() if available is not None else None,
            "time_namespace": inode,
            "initial_time_namespace": inode == _INITIAL if inode is not None else None,
            "offsets": parse_offsets(offsets) if offsets is not None else None,
        },
        capabilities={"fast_clock": have_fast_clock(host), "time_namespaces": have_time_namespaces(host)},
    )


def _namespace(root: str) -> int | None:
    try:
        match = re.fullmatch(r"time:\[(\d+)\]", os.readlink(os.path.join(root, "proc/self/ns/time")))
    except OSError:  # before Linux 5.6, or not readable
        return None
    return int(match.group(1)) if match is not None else None
