# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Make a delta between the trees of two Go archives, once for all hosts."""

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

_MAX_EXPANSION = 20  # an archive that expands more is not a Go release


class TreeDelta(t.NamedTuple):
    """A delta file on the controller."""

    path: str
    root: str  # Merkle root of the tree that the delta leads to


def base_for(version: str, installed: t.Collection[str], *, same_minor: bool) -> str | None:
    """The installed release from which the delta to a version is expected to be smallest, or None if there is none.

    That is the nearest release of the same minor, else the newest older one.

    :param same_minor: only releases of the same minor are considered
    """
    wanted = sort_key(version)
    older = [name for name in installed if sort_key(name) < wanted]
    patches = [name for name in installed if sort_key(name)[:2] == wanted[:2]]
    if patches:
        return min(patches, key=lambda name: abs(sort_key(name)[2] - wanted[2]))
    return max(older, key=sort_key) if older and not same_minor else None


def tree_delta(
    new: Archive, old: Archive, *, get: t.Callable[[Archive], str], work: str, cache: DeltaCache
) -> TreeDelta:
    """Make a delta from the tree of one archive to that of another, or take it from the cache.

    :param get: returns the path of an archive; it is called only if the delta is not in the cache
    :param work: a directory with space for both trees
    :raises HostError: an archive cannot be downloaded or unpacked
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
    return TreeDelta(path, known["root"])


def _unpack(path: str, tree: str, archive: Archive) -> None:
    os.mkdir(tree)
    try:
        with open(path, "rb") as file:
            unpack(file, into=tree, name=archive.filename, top="go", limit=archive.size * _MAX_EXPANSION)
    except BrokenArchiveError as error:
        raise HostError(
            archive.filename,
            wanted="a tar.gz archive",
            found=f"a file with the size and SHA-256 of the index that cannot be unpacked: {error}",
            remedy="The mirror's copy is damaged. Use another mirror.",
        )
