# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Programs attached to a control group and to a network interface."""

from __future__ import annotations

import errno
import os
import struct

from .._kernel.cgroup import unified_path
from .._probe.files import read
from .._probe.host import Host
from .._probe.mounts import unified_point
from .._probe.syscall import Outcome
from .abi import ATTACH_TYPES
from .attach import Attempt, closed, with_program
from .bpf import Bpf

__all__ = ["attach_cgroup", "attach_tcx", "own_cgroup"]

_ALLOW = 1
_NO_INTERFACE = 0x7FFFFFFF
_TCX_NEXT = -1


def own_cgroup(root: str) -> str | None:
    """The directory of this process's control group of version 2; None: not mounted, or not in one."""
    point, path = unified_point(root), unified_path(read(root, "proc/self/cgroup").text or "")
    return point.rstrip("/") + path.rstrip("/") if point and path else None


def attach_cgroup(bpf: Bpf, host: Host) -> Attempt:
    """Attach a program that lets everything pass to the caller's own group; commit af6eea57437a, Linux 5.7."""
    path = own_cgroup(host.root)
    try:
        group = os.open(path or "", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        return Attempt("source", Outcome(-1, error.errno or errno.ENOENT))
    hook = ATTACH_TYPES["cgroup_inet_egress"]
    try:
        return with_program(
            bpf,
            "cgroup_skb",
            lambda program: closed(bpf.link(program, target=group, attach_type=hook)),
            returns=_ALLOW,
            expected="cgroup_inet_egress",
        )
    finally:
        os.close(group)


def attach_tcx(bpf: Bpf, host: Host) -> Attempt:
    """Attach to an interface that is not there, which touches no traffic: only a kernel with it says ENODEV.

    Commit e420bed02507 ("bpf: Add fd-based tcx multi-prog infra with link support"), Linux 6.6.
    """
    hook, rest = ATTACH_TYPES["tcx_ingress"], struct.pack("=QQ", 0, 0)
    return with_program(
        bpf,
        "sched_cls",
        lambda program: closed(bpf.link(program, target=_NO_INTERFACE, attach_type=hook, rest=rest)),
        returns=_TCX_NEXT,
    )
