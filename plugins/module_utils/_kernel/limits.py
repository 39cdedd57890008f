# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Read the resource limits of a process."""

from __future__ import annotations

import re

from .._probe.files import read
from .._probe.host import Facts, Host

__all__ = ["parse_limits", "probe_limits"]

# Rows of /proc/self/limits -> the names that systemd and ulimit use.
_ROWS = {
    "Max open files": "nofile",
    "Max processes": "nproc",
    "Max locked memory": "memlock",
    "Max address space": "as",
    "Max core file size": "core",
    "Max stack size": "stack",
}


def parse_limits(text: str) -> dict[str, dict[str, int | None]]:
    """Parse the soft and hard limits of /proc/PID/limits. None means unlimited."""
    limits = {}
    for line in text.splitlines():
        cells = re.split(r" {2,}", line.strip())
        if cells[0] in _ROWS and len(cells) > 2:
            limits[_ROWS[cells[0]]] = {"soft": _limit(cells[1]), "hard": _limit(cells[2])}
    return limits


def probe_limits(host: Host) -> Facts:
    """Read the resource limits of this process, which come from the connection. A service has its own limits."""
    return Facts(values=dict(parse_limits(read(host.root, "proc/self/limits").text or "")), capabilities={})


def _limit(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
