# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The release store: complete trees side by side, and links that say which one is in use.

``<store>/<version>/`` holds a tree, with ``.gofleet.json`` in it as the last thing written; ``current`` and
``previous`` are links to version names. A tree without that marker is half a tree: never used, replaced when asked
for. Nothing in a store is reached through a link that stands inside it, other than by those who use ``current``.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import stat
import tempfile
import typing as t

from .._atomic import flush_file_system, fsync_directory, replace_link, write_text
from .._errors import HostError
from .._lock import exclusive_lock

__all__ = ["MARKER", "Marker", "Store", "surplus"]

MARKER = ".gofleet.json"
_MARKER_LIMIT = 65536  # bytes; ours has about 150
_VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+~@:-]{0,127}")
_RESERVED = ("current", "previous")
_RECORD = ".rolled-back"  # a link to the version that a roll back left
_LEFTOVERS = (".staging-", ".removed-", ".current.", ".previous.", f".{_RECORD}.")


class Marker(t.NamedTuple):
    """What a complete tree says of itself: its version, and the artefact that it came out of."""

    version: str
    sha256: str
    size: int  # bytes


class Store:
    """One directory of releases. Whoever changes it holds ``lock()``; reading needs no lock."""

    def __init__(self, path: str) -> None:
        self.path = path

    def versions(self) -> dict[str, Marker]:
        """The complete trees, the one installed last first."""
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return {}
        found = [(self._installed_at(name), name, self.marker(name)) for name in names if _is_version(name)]
        return {name: marker for dummy, name, marker in sorted(found, reverse=True) if marker is not None}

    def marker(self, version: str) -> Marker | None:
        """The marker of a complete tree; None where there is no tree, or half a one."""
        try:
            tree = os.open(self._tree(version), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            return None
        try:
            descriptor = os.open(MARKER, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=tree)
        except OSError:
            return None
        finally:
            os.close(tree)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            return _parse(file.read(_MARKER_LIMIT), version=version)

    def current(self) -> str | None:
        """The version in use; None where there is none, or only half a tree of it."""
        return self._linked("current")

    def previous(self) -> str | None:
        """The version in use before; where a roll back goes."""
        return self._linked("previous")

    def rolled_back(self) -> bool:
        """Whether the last change of ``current`` was a roll back, so that another one would go forward again."""
        left = self._linked(_RECORD)
        return left is not None and left != self.current()

    @contextlib.contextmanager
    def lock(self, wait_seconds: float) -> t.Iterator[None]:
        """Be the only one who changes the store; creates it, and removes what killed runs left in it.

        Raises HostError with the holder's process id when another run keeps it longer than ``wait_seconds``.
        """
        try:
            os.makedirs(self.path, mode=0o755, exist_ok=True)
        except OSError as error:
            raise HostError(
                self.path,
                wanted="a directory to keep releases in",
                found=str(error),
                remedy="Run with become: true, on a writable file system, with a path whose parents are directories.",
            )
        with exclusive_lock(os.path.join(self.path, ".lock"), wait_seconds=wait_seconds):
            for name in self.leftovers():
                _delete(os.path.join(self.path, name))
            yield

    def leftovers(self) -> list[str]:
        """What a killed run left, and what a run that is at work has; ``lock()`` removes the first."""
        try:
            return sorted(name for name in os.listdir(self.path) if name.startswith(_LEFTOVERS))
        except FileNotFoundError:
            return []

    @contextlib.contextmanager
    def stage(self, version: str) -> t.Iterator[str]:
        """An empty directory in the store's file system; gone afterwards unless it was committed."""
        self._tree(version)
        staging = tempfile.mkdtemp(prefix=f".staging-{version}-", dir=self.path)
        try:
            os.chmod(staging, 0o755)
            yield staging
        finally:
            _delete(staging)

    def commit(self, staging: str, version: str, marker: Marker) -> None:
        """Make a staged tree the release ``version``: durable contents, then the marker, then one rename(2)."""
        if marker.version != version:
            raise ValueError(f"marker of {marker.version} for {version}")
        tree = self._tree(version)
        if self.marker(version) is not None:
            raise HostError(
                tree,
                wanted=f"no {version} yet",
                found="a complete one",
                remedy="Remove it first, or keep it.",
            )
        flush_file_system(staging)
        write_text(os.path.join(staging, MARKER), json.dumps(marker._asdict(), indent=1) + "\n")
        half = self._set_aside(version) if os.path.lexists(tree) else None
        os.rename(staging, tree)
        fsync_directory(self.path)
        if half is not None:
            _delete(half)

    def switch(self, version: str) -> None:
        """Put ``version`` into use. A process that runs from the old tree keeps it: nothing is removed."""
        old = self.current()
        self._require(version)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.path, _RECORD))
        if old == version:
            return
        if old is not None:
            replace_link(os.path.join(self.path, "previous"), old)
        replace_link(os.path.join(self.path, "current"), version)

    def roll_back(self) -> None:
        """Put the previous version into use, once: after it ``rolled_back()`` is true and this does nothing."""
        if self.rolled_back():
            return
        left, target = self.current(), self.previous()
        if target is None or target == left:
            raise HostError(
                self.path,
                wanted="a previous version to roll back to",
                found=f"only {left or 'none'} has been in use",
                remedy="Ask for the version by name.",
            )
        # In this order a run that is killed between two steps is finished, or rightly begun again, by the next.
        if left is not None:
            replace_link(os.path.join(self.path, _RECORD), left)
        replace_link(os.path.join(self.path, "current"), target)
        if left is not None:
            replace_link(os.path.join(self.path, "previous"), left)

    def distrust(self, version: str) -> None:
        """Take the marker off a tree that turned out damaged: from now on it is half a tree."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self._tree(version), MARKER))

    def prune(self, keep: int, protect: t.Collection[str]) -> list[str]:
        """Remove the oldest trees beyond ``keep`` in all, never a protected one, ``current`` or ``previous``."""
        linked = {name for name in (self.current(), self.previous()) if name is not None}
        removed = surplus(list(self.versions()), keep=keep, protect=linked.union(protect))
        for version in removed:
            self.remove(version)
        return removed

    def remove(self, version: str) -> None:
        """Remove a tree that is neither ``current`` nor ``previous``; no tree by that name is no error."""
        if version in (self.current(), self.previous()):
            raise HostError(
                self._tree(version),
                wanted="a release that is not in use, to remove it",
                found="current or previous pointing to it",
                remedy="Switch to another version first.",
            )
        if os.path.lexists(self._tree(version)):
            _delete(self._set_aside(version))

    def clear(self) -> None:
        """Remove every complete tree, the links and the lock; then the store itself if nothing else is in it."""
        for name in (_RECORD, *_RESERVED):
            self._linked(name)  # refuses what is not a link
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.path, name))
        for version in self.versions():
            self.remove(version)
        os.unlink(os.path.join(self.path, ".lock"))
        with contextlib.suppress(OSError):  # not empty: the rest is not ours
            os.rmdir(self.path)

    def _linked(self, name: str) -> str | None:
        path = os.path.join(self.path, name)
        try:
            version = os.readlink(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise HostError(
                path,
                wanted="a link to a version, or nothing",
                found=str(error),
                remedy="Move it away, or give another directory.",
            )
        return version if _is_version(version) and self.marker(version) is not None else None

    def _require(self, version: str) -> None:
        if self.marker(version) is None:
            raise HostError(
                self._tree(version),
                wanted="a complete release to switch to",
                found="half a tree" if os.path.lexists(self._tree(version)) else "none",
                remedy="Install this version first.",
            )

    def _set_aside(self, version: str) -> str:
        """Take a name out of the store by one rename; what is left to delete afterwards."""
        aside = tempfile.mkdtemp(prefix=f".removed-{version}-", dir=self.path)
        os.rename(self._tree(version), os.path.join(aside, "tree"))
        fsync_directory(self.path)
        return aside

    def _installed_at(self, version: str) -> int:
        try:
            return os.lstat(os.path.join(self.path, version, MARKER)).st_mtime_ns
        except OSError:
            return 0

    def _tree(self, version: str) -> str:
        if not _is_version(version):
            raise HostError(
                version,
                wanted="a version: letters, digits and . _ + ~ @ : -, not starting with a sign",
                found=repr(version),
                remedy="Give the version as a plain name.",
            )
        return os.path.join(self.path, version)


def surplus(newest_first: t.Sequence[str], *, keep: int, protect: t.Collection[str]) -> list[str]:
    """The versions that go when ``keep`` may stay in all; protected ones stay and count."""
    others = [version for version in newest_first if version not in protect]
    return others[max(0, keep - (len(newest_first) - len(others))) :]


def _is_version(name: str) -> bool:
    return _VERSION.fullmatch(name) is not None and name not in _RESERVED


def _parse(text: bytes, *, version: str) -> Marker | None:
    try:
        found = json.loads(text)
        marker = Marker(str(found["version"]), str(found["sha256"]), int(found["size"]))
    except (ValueError, KeyError, TypeError):
        return None
    return marker if marker.version == version else None


def _delete(path: str) -> None:
    """Remove a file, a link itself, or a tree without following links; nothing there is no error."""
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.lexists(path):
        shutil.rmtree(path)
