# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Parse the target of a BPF link from the union of struct bpf_link_info.

Lengths and pointers are at fixed offsets, so a second call can pass a buffer for the name.
"""

from __future__ import annotations

import struct
import typing as t

from .._ebpf.abi import ATTACH_TYPES, name_of

__all__ = ["NAME_SIZE", "Target", "name_request", "parse_target"]

NAME_SIZE = 512

_WORDS = struct.Struct("=IIII")
_AT = 16  # where the union begins
_INFO_SIZE = 96
_ATTACH_NAMES = tuple(ATTACH_TYPES)

# The offsets of the pointer to the name and of its length, by link type. Since Linux 5.8, for uprobe_multi and perf
# events since 6.6.
_NAMES = {"raw_tracepoint": (16, 24), "iter": (16, 24), "perf_event": (24, 32), "uprobe_multi": (16, 48)}
# enum bpf_perf_event_type
_PERF_EVENTS = ("unspec", "uprobe", "uretprobe", "kprobe", "kretprobe", "tracepoint", "event")
_UNNAMED = "event"

# The meaning of the first number of the union, and the types where the attach type follows it.
_THINGS = {
    "netns": "network namespace",
    "xdp": "interface",
    "tcx": "interface",
    "netkit": "interface",
    "sockmap": "map",
    "struct_ops": "map",
}
_WITH_ATTACH_TYPE = ("netns", "tcx", "netkit", "sockmap")


class Target(t.NamedTuple):
    """The target of a link.

    ``text``: a description, or None where this kernel does not show it. ``lost``: the target no longer exists.
    """

    text: str | None
    lost: bool = False
    attach_type: str | None = None
    cgroup_id: int | None = None
    event: str | None = None
    name: str | None = None
    offset: int | None = None
    pid: int | None = None


def name_request(kind: str, data: bytes | bytearray) -> tuple[int, bytes] | None:
    """Return the offset of the pointer to the name, and the structure that requests NAME_SIZE bytes for it.

    :returns: None for a link without a name
    """
    if kind not in _NAMES or (kind == "perf_event" and _perf_event(data) in ("unspec", _UNNAMED)):
        return None
    pointer, length = _NAMES[kind]
    request = bytearray(_INFO_SIZE)
    struct.pack_into("=I", request, length, NAME_SIZE)
    return pointer, bytes(request)


def parse_target(
    kind: str,
    data: bytes | bytearray,
    *,
    name: bytes | bytearray = b"",
    cgroups: t.Mapping[int, str] | None = None,
) -> Target:
    """Parse the target of a link.

    :param data: struct bpf_link_info, at least 96 bytes
    :param name: the buffer that the kernel filled in
    :param cgroups: the path of each control group by id
    """
    text = name.split(b"\0")[0].decode("utf-8", "replace") or None
    if kind in ("raw_tracepoint", "iter"):
        return Target(f"{kind} {text}" if text else None, name=text)
    if kind == "perf_event":
        return _perf_target(data, text)
    if kind == "uprobe_multi":
        return _uprobe_multi(data, text)
    return _numbered(kind, data, cgroups or {})


def _perf_event(data: bytes | bytearray) -> str:
    return name_of(struct.unpack_from("=I", data, _AT)[0], _PERF_EVENTS)


def _perf_target(data: bytes | bytearray, text: str | None) -> Target:
    event = _perf_event(data)
    if event == "unspec":
        return Target(None)
    if event == _UNNAMED:
        config, kind = struct.unpack_from("=QI", data, 24)
        return Target(f"perf event type {kind} config {config}", event=event)
    (offset,) = struct.unpack_from("=I", data, 36)
    if event == "tracepoint":
        return Target(f"tracepoint {text}" if text else None, event=event, name=text)
    place = f"{text}+{offset:#x}" if offset else text
    return Target(f"{event} {place}" if text else None, event=event, name=text, offset=offset)


def _uprobe_multi(data: bytes | bytearray, text: str | None) -> Target:
    count, dummy, pid = struct.unpack_from("=III", data, 52)
    whom = f" of process {pid}" if pid else ""
    return Target(
        f"uprobes {text} ({count} places){whom}" if text else None, event="uprobe", name=text, pid=pid or None
    )


def _numbered(kind: str, data: bytes | bytearray, cgroups: t.Mapping[int, str]) -> Target:
    first, second, third, dummy = _WORDS.unpack_from(data, _AT)
    attach: str | None = None
    if kind == "cgroup":
        number, attach = first | second << 32, name_of(third, _ATTACH_NAMES)
        text = f"cgroup {cgroups.get(number, f'id {number}') if number else 'gone'} ({attach})"
        return Target(text, lost=not number, attach_type=attach, cgroup_id=number)
    if kind == "tracing":
        attach = name_of(first, _ATTACH_NAMES)
        return Target(f"{attach} BTF object {second} id {third}", attach_type=attach)
    if kind in _THINGS:
        # 0 where the interface, the namespace or the map no longer exists.
        attach = name_of(second, _ATTACH_NAMES) if kind in _WITH_ATTACH_TYPE else None
        text = f"{_THINGS[kind]} {first or 'gone'}" + (f" ({attach})" if attach else "")
        return Target(text, lost=not first, attach_type=attach)
    if kind == "netfilter":
        (priority,) = struct.unpack_from("=i", data, _AT + 8)
        return Target(f"netfilter protocol {first} hook {second} priority {priority}")
    return (
        Target(f"kprobes ({third} places)", event="kprobe_multi") if kind == "kprobe_multi" else Target(None)
    )
