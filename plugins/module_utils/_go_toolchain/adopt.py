# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""A Go that was installed by hand, taken over: its path keeps working, and from then on follows the store.

The store gets the same release, verified as any other. Only a tree that is the same, file by file, is replaced by a
link; so nothing of anybody's is lost, and at no moment is there no Go at the path.
"""

from __future__ import annotations

import os
import shutil
import typing as t

from .._atomic import exchange
from .._delta.manifest import read_manifest
from .._errors import HostError
from .._release.store import MARKER
from .install import go_version_of

__all__ = ["Adoption", "find_adoption", "link_into"]

_MOST_NAMED = 5  # files that differ


class Adoption(t.NamedTuple):
    """A path to take over. ``version``: of the tree that stands there; None where it is taken over, or nothing is."""

    path: str
    store: str
    version: str | None
    target: str | None  # where the link leads that is there
    leftover: bool  # what a killed run left beside it

    @property
    def wanted_target(self) -> str:
        return os.path.join(self.store, "current")

    @property
    def shown(self) -> str | None:
        """What is at the path, for people."""
        return self.target if self.version is None else f"Go {self.version}, installed by hand"

    @property
    def shown_after(self) -> str | None:
        return None if self.shown is None else self.wanted_target

    def require_same(self) -> None:
        """Raise HostError unless the tree is the release that it says it is, as the store has it by now."""
        if self.version is None:
            return
        found = read_manifest(self.path)
        release = read_manifest(os.path.join(self.store, self.version), ignore=(MARKER,))
        if found.root == release.root:
            return
        ours, theirs = set(release.entries), set(found.entries)
        names = sorted({entry.path for entry in ours ^ theirs})
        shown = ", ".join(names[:_MOST_NAMED])
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        raise HostError(
            self.path,
            wanted=f"Go {self.version} as published, to take it over",
            found=f"a tree that differs from it: {shown}{more}",
            remedy="It stays as it is. Restore its files and keep elsewhere what was added, or leave adopt out.",
        )

    def take_over(self) -> None:
        """Put a link to the release in use in the place of the tree, and remove the tree. Called after the switch."""
        beside = _beside(self.path)
        _delete(beside)
        if self.shown is None:
            return
        os.symlink(self.wanted_target, beside)
        if self.version is None:
            os.rename(beside, self.path)
            return
        try:
            exchange(beside, self.path)
        finally:
            # The tree after an exchange, the link without one.
            _delete(beside)


def find_adoption(path: str, *, store: str) -> Adoption:
    """
    :raises HostError: something that is neither a Go tree nor a link into the store
    """
    leftover = os.path.lexists(_beside(path))
    target = link_into(store, path)
    if target is not None or not os.path.lexists(path):
        return Adoption(path, store, None, target, leftover)
    if os.path.islink(path):
        raise _refused(path, f"a link to {os.readlink(path)}")
    version = go_version_of(path) if os.path.isdir(path) else None
    if version is None or not os.access(os.path.join(path, "bin", "go"), os.X_OK):
        raise _refused(path, "no whole Go tree")
    if path == store or store.startswith(f"{path}/"):
        raise _refused(path, f"the directory of releases, {store}, in it")
    return Adoption(path, store, version, None, leftover)


def link_into(store: str, path: str) -> str | None:
    """Where a link leads that leads into the store; None for anything else."""
    if not os.path.islink(path):
        return None
    target = os.readlink(path)
    inside = os.path.normpath(os.path.join(os.path.dirname(path), target)).startswith(f"{store}/")
    return target if inside else None


def _refused(path: str, found: str) -> HostError:
    return HostError(
        path,
        wanted="a Go tree that was unpacked by hand, to take it over",
        found=found,
        remedy="It stays as it is. Correct adopt, or leave it out.",
    )


def _beside(path: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name}.gofleet-adopted")


def _delete(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
