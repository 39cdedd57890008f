# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Programs attached to a control group and to a network interface."""

from __future__ import annotations

import errno
import os
import struct

from .bpf import Bpf, exit_with, instruction, opened
from .bpf_abi import ATTACH_TYPES, PROGRAM_TYPES
from .bpf_attach import Attempt
from .bpf_pins import mounts_of_type
from .files import read
from .host import Host
from .syscall import Outcome

__all__ = ["attach_cgroup", "attach_tcx", "own_cgroup"]

_NAME = "gofleet_probe"
_ALLOW = 1
_NO_INTERFACE = 0x7FFFFFFF
_MOV64_IMM_R0 = 0xB7
_TCX_NEXT = instruction(_MOV64_IMM_R0, imm=-1) + instruction(0x95)


def own_cgroup(root: str) -> str | None:
    """The directory of this process's control group of version 2; None: not mounted, or not in one."""
    mounts = [mount for mount in mounts_of_type(root, "cgroup2") if mount.part == "/"]
    for line in (read(root, "proc/self/cgroup").text or "").splitlines():
        if line.startswith("0::/") and mounts:
            return mounts[0].point.rstrip("/") + line[3:].rstrip("/")
    return None


def attach_cgroup(bpf: Bpf, host: Host) -> Attempt:
    """Attach a program that lets everything pass to the caller's own group; commit af6eea57437a, Linux 5.7."""
    path = own_cgroup(host.root)
    try:
        group = os.open(path or "", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        return Attempt("source", Outcome(-1, error.errno or errno.ENOENT))
    try:
        loaded = bpf.load(
            PROGRAM_TYPES.index("cgroup_skb"),
            exit_with(_ALLOW),
            name=_NAME,
            expected_attach_type=ATTACH_TYPES["cgroup_inet_egress"],
        )
        for program in opened(loaded.outcome):
            link = bpf.link(program, target=group, attach_type=ATTACH_TYPES["cgroup_inet_egress"])
            for dummy in opened(link):
                pass
            return Attempt("attach", link)
        return Attempt("load", loaded.outcome, loaded.log)
    finally:
        os.close(group)


def attach_tcx(bpf: Bpf, host: Host) -> Attempt:
    """Attach to an interface that is not there, which touches no traffic: only a kernel with it says ENODEV.

    Commit e420bed02507 ("bpf: Add fd-based tcx multi-prog infra with link support"), Linux 6.6.
    """
    kind = ATTACH_TYPES["tcx_ingress"]
    loaded = bpf.load(PROGRAM_TYPES.index("sched_cls"), _TCX_NEXT, name=_NAME, expected_attach_type=0)
    for program in opened(loaded.outcome):
        rest = struct.pack("=QQ", 0, 0)
        link = bpf.link(program, target=_NO_INTERFACE, attach_type=kind, rest=rest)
        for dummy in opened(link):
            pass
        return Attempt("attach", link)
    return Attempt("load", loaded.outcome, loaded.log)
