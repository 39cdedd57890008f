# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""What differs between the trees of two Go archives, made once for a fleet."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import typing as t

from ...module_utils._delta.manifest import read_manifest
from ...module_utils._errors import HostError
from ...module_utils._go_toolchain.index import Archive, sort_key
from ...module_utils._unpack import BrokenArchiveError, unpack
from .._delta.cache import DeltaCache
from .._delta.make import make_delta
from .._delta.methods import bsdiff_imports

__all__ = ["TreeDelta", "base_for", "tree_delta"]

_BOMB = 20  # no honest archive grows more than so many times


class TreeDelta(t.NamedTuple):
    """A delta on the controller, and the root of the tree that it leads to."""

    path: str
    size: int
    root: str


def base_for(version: str, installed: t.Collection[str], *, same_series: bool) -> str | None:
    """Of the releases on a host the one that a delta is smallest from: of the same series, else the next older one."""
    wanted = sort_key(version)
    older = [name for name in installed if sort_key(name) < wanted]
    series = [name for name in installed if sort_key(name)[:2] == wanted[:2]]
    if series:
        return min(series, key=lambda name: abs(sort_key(name)[2] - wanted[2]))
    return max(older, key=sort_key) if older and not same_series else None


def tree_delta(
    new: Archive, old: Archive, *, get: t.Callable[[Archive], str], work: str, cache: DeltaCache
) -> TreeDelta:
    """
    :param get: gives the path of an archive; it is only asked for where the delta has yet to be made
    :param work: a directory with room for both trees
    :raises HostError: an archive cannot be had, or is none
    """

    def make(path: str) -> dict[str, t.Any]:
        os.makedirs(work, mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".trees-", dir=work) as folder:
            before, after = os.path.join(folder, "old"), os.path.join(folder, "new")
            for archive, tree in ((old, before), (new, after)):
                _unpack(get(archive), tree, archive)
            delta = make_delta(
                after, manifest=read_manifest(after), old=read_manifest(before), old_path=before, cache=cache
            )
            shutil.copyfile(delta.path, path)
            return {"root": delta.new}

    names = hashlib.sha256(f"{old.sha256} {new.sha256} {bsdiff_imports()}".encode()).hexdigest()
    path, known = cache.delta(f"go-{names}", make)
    return TreeDelta(path, os.path.getsize(path), known["root"])


def _unpack(path: str, tree: str, archive: Archive) -> None:
    os.mkdir(tree)
    try:
        with open(path, "rb") as file:
            unpack(file, into=tree, name=archive.filename, top="go", limit=archive.size * _BOMB)
    except BrokenArchiveError as error:
        raise HostError(
            archive.filename,
            wanted="a tar.gz archive",
            found=f"what the index describes, but {error}",
            remedy="The mirror's copy is damaged: use another mirror.",
        )
