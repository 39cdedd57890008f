# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Probe the kernel for seccomp filters, and read those of the caller."""

from __future__ import annotations

import errno
import struct
import typing as t

from .._probe.answer import Probe, unknown
from .._probe.caller import judge, parse_status
from .._probe.files import decimal, read
from .._probe.host import Facts, Host
from .._probe.syscall import number_of

__all__ = ["have_seccomp_filter", "probe_seccomp"]

_GET_ACTION_AVAIL = 2
_RET_ERRNO = 0x00050000
_MODES = {"0": "disabled", "1": "strict", "2": "filter"}


def have_seccomp_filter(host: Host) -> Probe:
    """Probe the running kernel for seccomp filters, which SystemCallFilter= of a unit needs.

    Commit 8e5f1ad116df ("seccomp: Sysctl to display available actions"), Linux 4.14, for SECCOMP_GET_ACTION_AVAIL.
    """
    number = number_of("seccomp", machine=host.machine)
    if number is None:
        return unknown("kernel", f"the system call number of seccomp on {host.machine} is not known")
    outcome = host.syscalls(number, _GET_ACTION_AVAIL, 0, bytearray(struct.pack("=I", _RET_ERRNO)))
    # EINVAL: the kernel has the call, but not this operation (before Linux 4.14). Filters exist since 3.17.
    return judge(outcome, root=host.root, caller=host.caller, proves=(errno.EINVAL,), since="3.17")


def probe_seccomp(host: Host) -> Facts:
    """Read the seccomp mode of this process, the number of its filters, and the actions that a filter can return."""
    fields = parse_status(read(host.root, "proc/self/status").text or "")
    actions = read(host.root, "proc/sys/kernel/seccomp/actions_avail").text
    privileges = fields.get("NoNewPrivs")
    values: dict[str, t.Any] = {
        "mode": _MODES.get(fields.get("Seccomp", "")),
        # since Linux 5.9
        "filters": decimal(fields.get("Seccomp_filters")),
        "no_new_privileges": privileges == "1" if privileges in ("0", "1") else None,
        "actions": actions.split() if actions is not None else None,
    }
    return Facts(values=values, capabilities={"seccomp_filter": have_seccomp_filter(host)})
