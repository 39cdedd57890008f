# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read the BPF programs, maps and links of a host, by id or from the descriptors of processes."""

from __future__ import annotations

import typing as t

from .._ebpf.abi import (
    LINK_TYPES,
    MAP_TYPES,
    PROGRAM_TYPES,
    name_of,
    parse_link_info,
    parse_map_info,
    parse_program_info,
)
from .._ebpf.bpf import Bpf, opened
from .._probe.files import decimal, read
from .._probe.syscall import Outcome
from .link_info import NAME_SIZE, Target, name_request, parse_target
from .owners import Held, parse_fdinfo
from .query import Contents, map_ids, read_contents

__all__ = ["Link", "Map", "Objects", "Program", "objects_of_descriptors", "read_objects"]

_CONTAINERS = ("prog_array", "array_of_maps", "hash_of_maps")
# fdinfo prints link types as the kernel's macros name them.
_FDINFO_LINKS = {"perf": "perf_event"}

_Object = t.TypeVar("_Object")


class Program(t.NamedTuple):
    """A loaded program. ``loaded``: nanoseconds since boot. A field is None where it could not be read."""

    id: int
    type: str
    name: str | None
    tag: str
    loaded: int | None
    uid: int | None
    map_ids: tuple[int, ...]
    run_count: int
    run_time_ns: int


class Map(t.NamedTuple):
    """A map.

    ``bytes``: the memory that the kernel charges for it. ``contents``: the ids in a map of programs or maps.
    """

    id: int
    type: str
    name: str | None
    key_size: int
    value_size: int
    max_entries: int
    bytes: int | None
    contents: Contents | None


class Link(t.NamedTuple):
    """A link between a program and its target."""

    id: int
    type: str
    program: int
    target: Target


class Objects(t.NamedTuple):
    """The objects by id.

    ``refused``: the outcome for each kind whose ids the kernel does not list for this caller.
    """

    programs: dict[int, Program]
    maps: dict[int, Map]
    links: dict[int, Link]
    refused: dict[str, Outcome]


def read_objects(bpf: Bpf, root: str, *, cgroups: t.Mapping[int, str]) -> Objects:
    """Read all objects by id. An object that is freed in the meantime is skipped."""
    refused: dict[str, Outcome] = {}
    links = _all(bpf, "LINK", refused, lambda fd: _link(bpf, fd, cgroups))
    programs = _all(bpf, "PROG", refused, lambda fd: _program(bpf, fd))
    maps = _all(bpf, "MAP", refused, lambda fd: _map(bpf, root, fd))
    return Objects(programs, maps, links, refused)


def _all(
    bpf: Bpf, what: str, refused: dict[str, Outcome], read_object: t.Callable[[int], _Object | None]
) -> dict[int, _Object]:
    found: dict[int, _Object] = {}
    for number in bpf.ids(what):
        if isinstance(number, Outcome):
            refused[what] = number
            break
        for descriptor in opened(bpf.open_id(what, number)):
            answer = read_object(descriptor)
            if answer is not None:
                found[number] = answer
    return found


def _program(bpf: Bpf, descriptor: int) -> Program | None:
    data = bpf.info(descriptor)
    if isinstance(data, Outcome):
        return None
    info = parse_program_info(data)
    maps = map_ids(bpf, descriptor, count=info.map_count)
    return Program(
        info.id,
        info.type,
        info.name,
        info.tag,
        info.loaded,
        info.uid,
        maps,
        info.run_count,
        info.run_time_ns,
    )


def _map(bpf: Bpf, root: str, descriptor: int) -> Map | None:
    data = bpf.info(descriptor)
    if isinstance(data, Outcome):
        return None
    info = parse_map_info(data)
    fields = parse_fdinfo(read(root, f"proc/self/fdinfo/{descriptor}").text or "")
    contents = read_contents(bpf, descriptor, key_size=info.key_size) if info.type in _CONTAINERS else None
    return Map(
        info.id,
        info.type,
        info.name,
        info.key_size,
        info.value_size,
        info.max_entries,
        decimal(fields.get("memlock")),
        contents,
    )


def _link(bpf: Bpf, descriptor: int, cgroups: t.Mapping[int, str]) -> Link | None:
    data = bpf.info(descriptor)
    if isinstance(data, Outcome):
        return None
    info = parse_link_info(data)
    name = bytearray(NAME_SIZE)
    with_name = name_request(info.type, data)
    if with_name is not None:
        pointer, request = with_name
        again = bpf.info(descriptor, request=request, pointers={pointer: name})
        data = data if isinstance(again, Outcome) else again
    return Link(info.id, info.type, info.program, parse_target(info.type, data, name=name, cgroups=cgroups))


def objects_of_descriptors(held: t.Iterable[Held]) -> Objects:
    """Return the objects that fdinfo shows, for a caller that may not list ids."""
    objects = Objects({}, {}, {}, {})
    for one in held:
        if one.id is None:
            continue
        fields = one.fields
        if one.kind == "program":
            kind = _type(fields.get("prog_type"), PROGRAM_TYPES)
            objects.programs[one.id] = Program(
                one.id, kind, None, fields.get("prog_tag", ""), None, None, (), 0, 0
            )
        elif one.kind == "map":
            sizes = [decimal(fields.get(name)) or 0 for name in ("key_size", "value_size", "max_entries")]
            kind = _type(fields.get("map_type"), MAP_TYPES)
            objects.maps[one.id] = Map(
                one.id, kind, None, sizes[0], sizes[1], sizes[2], decimal(fields.get("memlock")), None
            )
        elif one.kind == "link":
            printed = fields.get("link_type", "")
            kind = _type(printed, LINK_TYPES) if printed.isdecimal() else _FDINFO_LINKS.get(printed, printed)
            objects.links[one.id] = Link(one.id, kind, decimal(fields.get("prog_id")) or 0, Target(None))
    return objects


def _type(text: str | None, names: t.Sequence[str]) -> str:
    number = decimal(text)
    return name_of(number, names) if number is not None else "unknown"
