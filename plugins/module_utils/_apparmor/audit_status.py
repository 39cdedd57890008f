# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""What the kernel's audit system says of itself: who takes its records, and how many were lost."""

from __future__ import annotations

import socket
import struct
import typing as t

__all__ = ["AuditStatus", "parse_status", "read_audit_status"]

_NETLINK_AUDIT = 9
_AUDIT_GET = 1000
_NLM_F_REQUEST = 1
_HEADER = struct.Struct("=IHHII")
# struct audit_status: mask, enabled, failure, pid, rate_limit, backlog_limit, lost; newer kernels append to it.
_STATUS = struct.Struct("=7I")
_SECONDS = 2.0


class AuditStatus(t.NamedTuple):
    """``daemon``: process number of the audit daemon, 0 for none. ``lost``: records since boot."""

    daemon: int
    lost: int


def parse_status(message: bytes) -> AuditStatus | None:
    """The answer to AUDIT_GET; None for an error, such as that of a caller without CAP_AUDIT_CONTROL."""
    if len(message) < _HEADER.size + _STATUS.size or _HEADER.unpack_from(message)[1] != _AUDIT_GET:
        return None
    dummy, dummy, dummy, daemon, dummy, dummy, lost = _STATUS.unpack_from(message, _HEADER.size)
    return AuditStatus(daemon, lost)


def read_audit_status() -> AuditStatus | None:
    """Ask the kernel; None where it does not answer: no audit system, or a container."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_AUDIT) as kernel:
            kernel.settimeout(_SECONDS)
            kernel.sendto(_HEADER.pack(_HEADER.size, _AUDIT_GET, _NLM_F_REQUEST, 1, 0), (0, 0))
            return parse_status(kernel.recv(8192))
    except OSError:
        return None
