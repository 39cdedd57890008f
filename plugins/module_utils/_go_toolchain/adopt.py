# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Take over a Go tree that was installed by hand.

The store gets the same release, verified like any other. The tree is then replaced by a link to the store, so the path
keeps working and follows the store from then on. The tree is only replaced if it equals the release file by file, so
no file of the user is lost. The replacement is atomic: there is a Go at the path at every moment.
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

_MAX_NAMED = 5  # files that differ


class Adoption(t.NamedTuple):
    """A path to take over, and what is there now."""

    path: str
    store: str
    version: str | None  # of the tree; None if the path is a link into the store, or does not exist
    target: str | None  # of the link into the store; None if there is none
    leftover: bool  # a killed run left a file or tree beside the path

    @property
    def wanted_target(self) -> str:
        """Where the link is to lead."""
        return os.path.join(self.store, "current")

    @property
    def shown(self) -> str | None:
        """What is at the path now, in words, or None for nothing."""
        return self.target if self.version is None else f"Go {self.version}, installed by hand"

    @property
    def shown_after(self) -> str | None:
        """What is at the path after the change, in words, or None for nothing."""
        return None if self.shown is None else self.wanted_target

    def require_same(self) -> None:
        """Compare the tree with the same release in the store.

        :raises HostError: the tree differs from the release
        """
        if self.version is None:
            return
        found = read_manifest(self.path)
        release = read_manifest(os.path.join(self.store, self.version), ignore=(MARKER,))
        if found.root == release.root:
            return
        ours, theirs = set(release.entries), set(found.entries)
        names = sorted({entry.path for entry in ours ^ theirs})
        shown = ", ".join(names[:_MAX_NAMED])
        more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
        raise HostError(
            self.path,
            wanted=f"Go {self.version} as published, to take it over",
            found=f"a tree that differs from it: {shown}{more}",
            remedy="Left unchanged. Restore its files and move added files elsewhere, or omit `adopt`.",
        )

    def take_over(self) -> None:
        """Replace the tree by a link to the release in use, and remove the tree. Call it after the switch."""
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
            # After an exchange this is the tree, without one it is the link.
            _delete(beside)


def find_adoption(path: str, *, store: str) -> Adoption:
    """Look at the path that the user wants to have taken over.

    :raises HostError: it is neither a Go tree nor a link into the store
    """
    leftover = os.path.lexists(_beside(path))
    target = link_into(store, path)
    if target is not None or not os.path.lexists(path):
        return Adoption(path, store, None, target, leftover)
    if os.path.islink(path):
        raise _refused(path, f"a link to {os.readlink(path)}")
    version = go_version_of(path) if os.path.isdir(path) else None
    if version is None or not os.access(os.path.join(path, "bin", "go"), os.X_OK):
        raise _refused(path, "no complete Go tree")
    if path == store or store.startswith(f"{path}/"):
        raise _refused(path, f"a Go tree that contains the directory of releases, {store}")
    return Adoption(path, store, version, None, leftover)


def link_into(store: str, path: str) -> str | None:
    """The target of a link that leads into the store, or None for anything else."""
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
        remedy="Left unchanged. Correct `adopt`, or omit it.",
    )


def _beside(path: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name}.gofleet-adopted")


def _delete(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
