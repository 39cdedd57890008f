# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""The host that probes examine, and the result of a subset of probes."""

from __future__ import annotations

import os
import typing as t

from .answer import Probe
from .caller import Caller, read_caller
from .syscall import HostSyscalls, Syscalls

__all__ = ["Facts", "Host", "this_host"]


class Host(t.NamedTuple):
    """The host that probes examine.

    ``root``: the directory that stands for /. ``machine``: the architecture, as uname(2) names it.
    """

    root: str
    machine: str
    syscalls: Syscalls
    caller: Caller


class Facts(t.NamedTuple):
    """The values and the answers of probes of one subset, by name."""

    values: dict[str, t.Any]
    capabilities: dict[str, Probe]


def this_host(root: str = "/") -> Host:
    """Return the host that this process runs on."""
    caller = read_caller(root)
    return Host(
        root=root,
        machine=os.uname().machine,
        syscalls=HostSyscalls(guarded=caller.filtered),
        caller=caller,
    )
