# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Make a delta between two versions of a file or tree, on the controller."""

from __future__ import annotations

import collections
import concurrent.futures
import os
import typing as t

from ...module_utils._delta.format import Header, Plan, write_delta
from ...module_utils._delta.manifest import Entry, Manifest, read_manifest
from ...module_utils._elf.file import FormatError, parse_elf
from ...module_utils._errors import HostError
from ...module_utils._inner_link import leads_inside
from .bsdiff import bsdiff_imports, bsdiffs_at_once
from .cache import DeltaCache
from .methods import Method, cheapest, same

__all__ = ["Delta", "hint_for", "make_delta"]

_DEAR = 20  # a delta of more than one part in so many of the file
_COMPRESSED = b"\1\0\0\0"  # a compressed section starts with this; debugging information itself never does


def hint_for(path: str, *, cost: int) -> str | None:
    """Return advice for the build, if the delta is large because debugging information is compressed.

    In compressed data one changed byte changes all that follows: 22 % of the file is sent, instead of 0.2 to 0.4 %.
    """
    size = os.path.getsize(path)
    if cost * _DEAR < size or not _has_compressed_debug(path):
        return None
    return (
        "Its debugging information is compressed, so hardly anything of the old program can be used again. "
        "Build with ldflags -compressdwarf=false, or without it by -s -w."
    )


def _has_compressed_debug(path: str) -> bool:
    with open(path, "rb") as file:

        def read(offset: int, size: int) -> bytes:
            return os.pread(file.fileno(), size, offset)

        try:
            sections = parse_elf(read).sections or ()
        except FormatError:
            return False
        found = [section for section in sections if section.name.startswith((".debug_info", ".zdebug_info"))]
        return any(
            section.name.startswith(".z") or read(section.offset, 4) == _COMPRESSED for section in found
        )


_ALL_NEW = 64 * 1024 * 1024  # bytes without old content; above this the strongest setting of xz takes minutes
_STRONG, _QUICK = 6, 1


class Delta(t.NamedTuple):
    """A delta on the controller: its file, its roots, and the number of files by method."""

    path: str
    size: int  # bytes to send
    old: str | None
    new: str
    content_size: int  # bytes of all new files
    methods: dict[str, int]
    hint: str | None
    sha256: str


def make_delta(
    new: str, *, manifest: Manifest, old: Manifest | None, old_path: str | None, cache: DeltaCache
) -> Delta:
    """Return the delta from ``old`` to the content at ``new``; make it once per pair of roots.

    :param manifest: of what is at ``new``
    :param old: None where the host has nothing
    :param old_path: the old content on the controller, if it is there; bsdiff needs it
    :raises HostError: a link that leads outside the tree, or a source that changes meanwhile
    """
    if manifest.is_tree:
        _refuse_links_out(manifest, new)
    if old is not None and old.is_tree != manifest.is_tree:
        old = old_path = None
    way = "content" if old_path is not None and bsdiff_imports() else "leaves"
    names = [old.root if old is not None else "nothing", manifest.root, way]
    if not manifest.is_tree and manifest.entries[0].executable:
        names.append("x")  # the root of a file does not show it

    def make(path: str) -> dict[str, t.Any]:
        known = _write(path, new=new, manifest=manifest, old=old, old_path=old_path)
        if read_manifest(new).root != manifest.root:
            raise HostError(
                new,
                wanted="content that does not change while it is read",
                found="other content than a moment ago",
                remedy="Nothing was sent. Wait until nothing writes to it, then run again.",
            )
        return known

    path, known = cache.delta("-".join(names), make)
    return Delta(
        path,
        os.path.getsize(path),
        None if old is None else old.root,
        manifest.root,
        manifest.size,
        known["methods"],
        known["hint"],
        known["sha256"],
    )


def _write(
    path: str, *, new: str, manifest: Manifest, old: Manifest | None, old_path: str | None
) -> dict[str, t.Any]:
    plan = _plan(manifest, old)
    methods: collections.Counter[str] = collections.Counter()
    costs: list[tuple[int, str]] = []

    def body() -> t.Iterator[bytes]:
        for entry, method in _methods(plan, new=new, manifest=manifest, old=old, old_path=old_path):
            methods[method.name] += 1
            costs.append((method.cost, _inside(new, entry.path)))
            yield from method.pieces

    header = Header(None if old is None else old.root, manifest.root, manifest.is_tree, manifest.size)
    preset = _QUICK if old is None and manifest.size > _ALL_NEW else _STRONG
    with open(path, "wb") as stream:
        write_delta(stream, header, plan, body(), preset=preset)
    dearest = max(costs, default=None)
    hint = None if old is None or dearest is None else hint_for(dearest[1], cost=dearest[0])
    return {"methods": dict(methods), "hint": hint}


def _methods(
    plan: Plan, *, new: str, manifest: Manifest, old: Manifest | None, old_path: str | None
) -> t.Iterator[tuple[Entry, Method]]:
    """The method for each changed file, in the order of the plan; a few are computed in parallel."""
    olds, news = ({} if it is None else it.by_path() for it in (old, manifest))
    jobs = [(news[change[0]], change[5]) for change in plan.changed if change[1] == "file"]

    def method(entry: Entry, source: str | None) -> Method:
        if source is None:
            return cheapest(_inside(new, entry.path), old=None, old_entry=None)
        there = olds[source]
        if there.bytes_alike == entry.bytes_alike:
            return same(entry.size)
        before = None if old_path is None else _inside(old_path, source)
        return cheapest(_inside(new, entry.path), old=before, old_entry=there)

    at_once = bsdiffs_at_once(max((entry.size for entry, dummy in jobs), default=0))
    waiting: collections.deque[tuple[Entry, concurrent.futures.Future[Method]]] = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for entry, source in jobs:
            waiting.append((entry, pool.submit(method, entry, source)))
            if len(waiting) > 2 * at_once:
                first, found = waiting.popleft()
                yield first, found.result()
        for first, found in waiting:
            yield first, found.result()


def _plan(manifest: Manifest, old: Manifest | None) -> Plan:
    olds = {} if old is None else old.by_path()
    by_content = {entry.bytes_alike: entry.path for entry in olds.values() if entry.kind == "file"}
    news = manifest.by_path()
    changed = []
    for entry in manifest.entries:
        before = olds.get(entry.path)
        if before is not None and _same(before, entry):
            continue
        source = None
        if entry.kind == "file":
            same_name = before is not None and before.kind == "file"
            source = by_content.get(entry.bytes_alike, entry.path if same_name else None)
        changed.append([entry.path, entry.kind, entry.executable, entry.size, entry.target, source])
    return Plan([path for path in olds if path not in news], changed)


def _same(one: Entry, other: Entry) -> bool:
    return one._replace(leaves=()) == other._replace(leaves=()) and one.bytes_alike == other.bytes_alike


def _inside(top: str, path: str) -> str:
    return os.path.join(top, path) if path else top


def _refuse_links_out(manifest: Manifest, new: str) -> None:
    for entry in manifest.entries:
        if entry.kind == "link" and not leads_inside(entry.path, entry.target):
            raise HostError(
                os.path.join(new, entry.path),
                wanted="links that lead inside the tree",
                found=f"a link to {entry.target}",
                remedy="Copy its target into the tree, or make the link on the host in a task of its own.",
            )
