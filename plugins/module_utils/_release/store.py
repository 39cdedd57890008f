# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The release store: complete trees side by side, and links to the one in use.

``<store>/<version>/`` holds a tree, with ``.gofleet.json`` in it as the last thing written; ``current`` and
``previous`` are links to version names. A tree without that marker is incomplete: it is never used, and replaced when
asked for. The store itself follows no link inside it.
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
_RECORD = ".rolled-back"  # a link to the version that was rolled back
_LEFTOVERS = (".staging-", ".removed-", ".current.", ".previous.", f".{_RECORD}.")


class Marker(t.NamedTuple):
    """The marker of a complete tree: its version, and the artefact that it came from."""

    version: str
    sha256: str
    size: int  # bytes


class Store:
    """One directory of releases. Changes need ``lock()``; reading does not."""

    def __init__(self, path: str) -> None:
        self.path = path

    def versions(self) -> dict[str, Marker]:
        """The versions of complete trees; the one installed last comes first."""
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return {}
        found = [(self._installed_at(name), name, self.marker(name)) for name in names if _is_version(name)]
        return {name: marker for dummy, name, marker in sorted(found, reverse=True) if marker is not None}

    def marker(self, version: str) -> Marker | None:
        """The marker of a complete tree; None where there is no tree, or an incomplete one."""
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
        """The version in use; None where there is none, or its tree is incomplete."""
        return self._linked("current")

    def previous(self) -> str | None:
        """The version in use before, which a rollback returns to."""
        return self._linked("previous")

    def rolled_back(self) -> bool:
        """Whether the last change of ``current`` was a rollback; a second one would go forward again."""
        left = self._linked(_RECORD)
        return left is not None and left != self.current()

    @contextlib.contextmanager
    def lock(self, wait_seconds: float) -> t.Iterator[None]:
        """Lock the store for changes; create it, and remove what killed runs left in it.

        Raise HostError with the holder's process id when another run keeps it longer than ``wait_seconds``.
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
        """What killed runs left, and what a current run is making; ``lock()`` removes the former."""
        try:
            return sorted(name for name in os.listdir(self.path) if name.startswith(_LEFTOVERS))
        except FileNotFoundError:
            return []

    @contextlib.contextmanager
    def stage(self, version: str) -> t.Iterator[str]:
        """Make an empty directory in the store's file system; it is removed afterwards unless it was committed."""
        self._tree(version)
        staging = tempfile.mkdtemp(prefix=f".staging-{version}-", dir=self.path)
        try:
            os.chmod(staging, 0o755)
            yield staging
        finally:
            _delete(staging)

    def commit(self, staging: str, version: str, marker: Marker) -> None:
        """Make a staged tree the release ``version``: flush it, write the marker, then rename(2) it."""
        if marker.version != version:
            raise ValueError(f"marker of {marker.version} for {version}")
        tree = self._tree(version)
        if self.marker(version) is not None:
            raise HostError(
                tree,
                wanted=f"no release {version}",
                found="a complete release",
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
        """Put ``version`` into use. Nothing is removed, so a process that runs from the old tree keeps it."""
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
        """Put the previous version into use. Once: while ``rolled_back()`` is true this does nothing."""
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
        # In this order, the next run completes or correctly restarts a run that was killed between two steps.
        if left is not None:
            replace_link(os.path.join(self.path, _RECORD), left)
        replace_link(os.path.join(self.path, "current"), target)
        if left is not None:
            replace_link(os.path.join(self.path, "previous"), left)

    def invalidate(self, version: str) -> None:
        """Remove the marker of a damaged tree, which makes it incomplete."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self._tree(version), MARKER))

    def prune(self, keep: int, protect: t.Collection[str]) -> list[str]:
        """Remove the oldest trees beyond ``keep`` in total, but none that is protected, ``current`` or ``previous``."""
        linked = {name for name in (self.current(), self.previous()) if name is not None}
        removed = surplus(list(self.versions()), keep=keep, protect=linked.union(protect))
        for version in removed:
            self.remove(version)
        return removed

    def remove(self, version: str) -> None:
        """Remove a tree that is neither ``current`` nor ``previous``. A missing tree is not an error."""
        if version in (self.current(), self.previous()):
            raise HostError(
                self._tree(version),
                wanted="a release that is not in use, to remove it",
                found="a link current or previous to it",
                remedy="Switch to another version first.",
            )
        if os.path.lexists(self._tree(version)):
            _delete(self._set_aside(version))

    def clear(self) -> None:
        """Remove all complete trees, the links and the lock; then the store itself if it is empty."""
        for name in (_RECORD, *_RESERVED):
            self._linked(name)  # fails for what is not a link
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.path, name))
        for version in self.versions():
            self.remove(version)
        os.unlink(os.path.join(self.path, ".lock"))
        with contextlib.suppress(OSError):  # not empty: the rest belongs to others
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
                found="an incomplete tree" if os.path.lexists(self._tree(version)) else "none",
                remedy="Install this version first.",
            )

    def _set_aside(self, version: str) -> str:
        """Rename a tree out of the way, and return the path to delete."""
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
                wanted="a version of letters, digits and . _ + ~ @ : -, starting with a letter or digit",
                found=repr(version),
                remedy="Give the version as a plain name.",
            )
        return os.path.join(self.path, version)


def surplus(newest_first: t.Sequence[str], *, keep: int, protect: t.Collection[str]) -> list[str]:
    """The versions to remove so that ``keep`` stay in total; protected ones stay and are counted."""
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
    """Remove a file, a link itself, or a tree without following links. A missing path is not an error."""
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.lexists(path):
        shutil.rmtree(path)
