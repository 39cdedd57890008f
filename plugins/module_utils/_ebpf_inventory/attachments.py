# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Find where programs are attached, by links, control groups, perf events and arrays of tail calls."""

from __future__ import annotations

import errno
import os
import typing as t

from .._ebpf.abi import ATTACH_TYPES
from .._ebpf.bpf import Bpf
from .._probe.answer import Probe, no, unknown, yes
from .._probe.mounts import cgroup2_mount_point
from .._probe.syscall import Outcome
from .objects import Objects, Program
from .owners import Owners
from .query import PerfUse, attached_programs, perf_use

__all__ = [
    "Attachments",
    "CgroupTree",
    "attachment_of",
    "initial_namespace",
    "read_attachments",
    "walk_cgroups",
]

_MAX_CGROUPS = 5000
# PROC_CGROUP_INIT_INO and PROC_PID_INIT_INO, the initial namespaces.
_INITIAL = {"cgroup": "cgroup:[4026531835]", "pid": "pid:[4026531836]"}

# Types that are attached only by links, which have ids.
_BY_LINK = ("raw_tracepoint", "raw_tracepoint_writable", "tracing", "ext", "sk_lookup", "netfilter")
# Types that are attached to perf events, directly or by links.
_BY_EVENT = ("kprobe", "tracepoint", "perf_event")
_HOOKS = {
    "cgroup_skb": "cgroup_inet_ingress cgroup_inet_egress",
    "cgroup_sock": "cgroup_inet_sock_create cgroup_inet_sock_release cgroup_inet4_post_bind cgroup_inet6_post_bind",
    "cgroup_device": "cgroup_device",
    "cgroup_sysctl": "cgroup_sysctl",
    "cgroup_sockopt": "cgroup_getsockopt cgroup_setsockopt",
    "sock_ops": "cgroup_sock_ops",
    "lsm": "lsm_cgroup",
    "cgroup_sock_addr": """
        cgroup_inet4_bind cgroup_inet6_bind cgroup_inet4_connect cgroup_inet6_connect cgroup_udp4_sendmsg
        cgroup_udp6_sendmsg cgroup_udp4_recvmsg cgroup_udp6_recvmsg cgroup_inet4_getpeername cgroup_inet6_getpeername
        cgroup_inet4_getsockname cgroup_inet6_getsockname cgroup_unix_connect cgroup_unix_sendmsg cgroup_unix_recvmsg
        cgroup_unix_getpeername cgroup_unix_getsockname""",
}
_UNREADABLE = {
    "sched_cls": "this module does not read traffic control filters",
    "sched_act": "this module does not read traffic control actions",
    "xdp": "this module does not read the programs of network interfaces",
    "socket_filter": "the kernel does not show which sockets use it",
    "sk_reuseport": "the kernel does not show which sockets use it",
    "struct_ops": "the kernel does not show which operations use it",
    "syscall": "a process runs it with BPF_PROG_RUN, it is never attached",
}


class CgroupTree(t.NamedTuple):
    """The directories of the unified hierarchy by id.

    ``hidden``: why there may be more, or None where these are all.
    """

    mount: str | None
    paths: dict[int, str]
    hidden: str | None


class Attachments(t.NamedTuple):
    """The places where each program is attached, by id, and why places of each kind may be hidden."""

    places: dict[int, list[str]]
    perf: list[PerfUse]
    cgroups_hidden: str | None
    links_hidden: str | None
    arrays_hidden: str | None


def initial_namespace(root: str, kind: str) -> bool:
    """Return whether this process is in the initial namespace of a kind, and so sees everything."""
    try:
        return os.readlink(os.path.join(root, "proc/self/ns", kind)) == _INITIAL[kind]
    except OSError:
        return False


def walk_cgroups(root: str) -> CgroupTree:
    """Find the control groups of the unified hierarchy."""
    point = cgroup2_mount_point(root)
    if point is None:
        return CgroupTree(None, {}, "the root of the cgroup v2 hierarchy is not mounted")
    mount = os.path.join(root, point.lstrip("/"))
    inside = not initial_namespace(root, "cgroup")
    hidden = "control groups outside this namespace cannot be seen" if inside else None
    paths: dict[int, str] = {}
    for directory, below, dummy in os.walk(mount):
        below.sort()
        if len(paths) >= _MAX_CGROUPS:
            return CgroupTree(mount, paths, f"there are more than {_MAX_CGROUPS} control groups")
        try:
            paths[os.stat(directory).st_ino] = directory[len(mount.rstrip("/")) :] or "/"
        except FileNotFoundError:
            continue
    return CgroupTree(mount, paths, hidden)


def read_attachments(bpf: Bpf, objects: Objects, owners: Owners, tree: CgroupTree) -> Attachments:
    """Find where the loaded programs are attached."""
    places: dict[int, list[str]] = {}
    for link in objects.links.values():
        if not link.target.lost:
            places.setdefault(link.program, []).append(f"link {link.id}: {link.target.text or link.type}")
    hidden = _query_cgroups(bpf, objects, tree, places)
    perf = [perf_use(bpf, held.pid, held.fd) for held in owners.held if held.kind == "perf_event"]
    for use in perf:
        if use.program is not None:
            event = " ".join(word for word in (use.event, use.name) if word)
            places.setdefault(use.program, []).append(f"perf event of process {use.pid}: {event}")
    arrays = [one for one in objects.maps.values() if one.type == "prog_array"]
    for array in arrays:
        for number in array.contents.ids if array.contents else ():
            places.setdefault(number, []).append(f"tail call in map {array.id}")
    unread = [one.id for one in arrays if one.contents is None or not one.contents.whole]
    return Attachments(
        places,
        perf,
        cgroups_hidden=hidden,
        links_hidden="links cannot be listed" if "LINK" in objects.refused else None,
        arrays_hidden=f"map {unread[0]} of tail calls could not be read" if unread else None,
    )


def _query_cgroups(bpf: Bpf, objects: Objects, tree: CgroupTree, places: dict[int, list[str]]) -> str | None:
    types = {one.type for one in objects.programs.values() if one.id not in places}
    hooks = sorted({hook for kind in types for hook in _HOOKS.get(kind, "").split()})
    hidden = tree.hidden
    for path in tree.paths.values() if hooks and tree.mount else ():
        try:
            descriptor = os.open(
                os.path.join(tree.mount or "/", path.lstrip("/")), os.O_RDONLY | os.O_DIRECTORY
            )
        except FileNotFoundError:
            continue  # removed in the meantime, with its programs
        try:
            for hook in hooks:
                found = attached_programs(bpf, descriptor, ATTACH_TYPES[hook])
                if not isinstance(found, Outcome):
                    for number in found:
                        places.setdefault(number, []).append(f"cgroup {path} ({hook})")
                elif found.errno != errno.EINVAL:  # this kernel does not have the hook
                    hidden = f"control group {path} cannot be queried: {os.strerror(found.errno)}"
        finally:
            os.close(descriptor)
    return hidden


def attachment_of(program: Program, attachments: Attachments, owners: Owners) -> Probe:
    """Judge whether a program is attached. The answer is no only where every possible place was read."""
    places = attachments.places.get(program.id)
    if places:
        return yes("kernel", "; ".join(places[:3]) + (f"; and {len(places) - 3} more" if places[3:] else ""))
    if program.type in _UNREADABLE or program.type not in (*_BY_LINK, *_BY_EVENT, *_HOOKS):
        reason = _UNREADABLE.get(
            program.type, "this module does not know every place where it can be attached"
        )
        return unknown(
            "kernel", f"no link has it, but a {program.type} program does not need a link: {reason}"
        )
    hidden = attachments.links_hidden or attachments.arrays_hidden
    if hidden is None and program.type in _HOOKS:
        hidden = attachments.cgroups_hidden
    if hidden is None and program.type in _BY_EVENT:
        hidden = _events_hidden(program, attachments, owners)
    if hidden is not None:
        return unknown("kernel", f"no attachment found, but {hidden}")
    return no("kernel", f"it is not attached by a {_places(program.type)}")


def _events_hidden(program: Program, attachments: Attachments, owners: Owners) -> str | None:
    if owners.denied:
        return f"process {owners.denied[0]} may have perf events with it, and its descriptors cannot be read"
    for use in attachments.perf:
        # EOPNOTSUPP: its program is of type perf_event. ENOENT: it has none. EBADF, ESRCH: it no longer exists.
        gone = use.errno in (0, errno.ENOENT, errno.EBADF, errno.ESRCH)
        if not gone and (use.errno != errno.EOPNOTSUPP or program.type == "perf_event"):
            return f"the kernel does not show the program of a perf event of process {use.pid}"
    return None


def _places(kind: str) -> str:
    if kind in _HOOKS:
        return "link, tail call or control group"
    return "link, tail call or perf event" if kind in _BY_EVENT else "link or tail call"
