# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Query bpf(2) for the maps of a program, the contents of a map and attached programs."""

from __future__ import annotations

import errno
import struct
import typing as t

from .._ebpf.bpf import Bpf
from .._probe.syscall import Outcome

__all__ = ["Contents", "PerfUse", "attached_programs", "map_ids", "perf_use", "read_contents"]

_NR_MAPS_AT = 52
_MAPS_POINTER_AT = 56
_MAX_ATTACHED = 128  # the kernel allows 64 programs for each hook of a control group
_MAX_CONTENTS = 2048
_NAME_SIZE = 512
# enum bpf_task_fd_type
_USES = ("raw_tracepoint", "tracepoint", "kprobe", "kretprobe", "uprobe", "uretprobe")


class Contents(t.NamedTuple):
    """The ids in a map of programs or maps. ``whole``: whether all of them were read."""

    ids: tuple[int, ...]
    whole: bool


class PerfUse(t.NamedTuple):
    """The program and the target of a perf event of a process.

    ``program``: None where it has none, or where the kernel does not show it (``errno``).
    """

    pid: int
    fd: int
    errno: int = 0
    program: int | None = None
    event: str | None = None
    name: str | None = None
    offset: int = 0


def map_ids(bpf: Bpf, descriptor: int, *, count: int) -> tuple[int, ...]:
    """Return the ids of the maps of a program that has ``count`` of them."""
    if not count:
        return ()
    buffer = bytearray(4 * count)
    request = bytearray(64)
    struct.pack_into("=I", request, _NR_MAPS_AT, count)
    data = bpf.info(descriptor, request=bytes(request), pointers={_MAPS_POINTER_AT: buffer})
    if isinstance(data, Outcome):
        return ()
    found = min(struct.unpack_from("=I", data, _NR_MAPS_AT)[0], count)
    return struct.unpack_from(f"={found}I", buffer)


def read_contents(bpf: Bpf, descriptor: int, *, key_size: int) -> Contents:
    """Read the ids in a prog_array, array_of_maps or hash_of_maps, up to 2048 keys."""
    ids: list[int] = []
    key: bytearray | None = None
    for dummy in range(_MAX_CONTENTS):
        following, value = bytearray(key_size), bytearray(4)
        attr = struct.pack("=II", descriptor, 0)
        pointers = {16: following} if key is None else {8: key, 16: following}
        outcome = bpf.command("MAP_GET_NEXT_KEY", attr, pointers=pointers)[0]
        if outcome.errno == errno.ENOENT:
            return Contents(tuple(ids), True)
        if outcome.errno or outcome.killed:
            return Contents(tuple(ids), False)
        key = following
        outcome = bpf.command("MAP_LOOKUP_ELEM", attr, pointers={8: key, 16: value})[0]
        if not outcome.errno:
            ids.append(struct.unpack("=I", value)[0])
        elif outcome.errno != errno.ENOENT:
            return Contents(tuple(ids), False)
    return Contents(tuple(ids), False)


def attached_programs(bpf: Bpf, target: int, attach_type: int) -> tuple[int, ...] | Outcome:
    """Return the programs attached directly to a target (BPF_PROG_QUERY without BPF_F_QUERY_EFFECTIVE)."""
    buffer = bytearray(4 * _MAX_ATTACHED)
    attr = struct.pack("=IIIIQI", target, attach_type, 0, 0, 0, _MAX_ATTACHED)
    outcome, answer = bpf.command("PROG_QUERY", attr, pointers={16: buffer})
    if outcome.errno or outcome.killed:
        return outcome
    found = min(struct.unpack_from("=I", answer, 24)[0], _MAX_ATTACHED)
    return struct.unpack_from(f"={found}I", buffer)


def perf_use(bpf: Bpf, pid: int, descriptor: int) -> PerfUse:
    """Return the program that a perf event of a process runs (BPF_TASK_FD_QUERY)."""
    buffer = bytearray(_NAME_SIZE)
    attr = struct.pack("=IIII", pid, descriptor, 0, len(buffer))
    outcome, answer = bpf.command("TASK_FD_QUERY", attr, pointers={16: buffer})
    if outcome.errno or outcome.killed:
        return PerfUse(pid, descriptor, errno=outcome.errno or errno.EPERM)
    program, kind, offset = struct.unpack_from("=IIQ", answer, 24)
    name = buffer.split(b"\0")[0].decode("utf-8", "replace") or None
    event = _USES[kind] if kind < len(_USES) else None
    return PerfUse(pid, descriptor, program=program, event=event, name=name, offset=offset)
