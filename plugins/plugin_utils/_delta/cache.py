# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Keep deltas, and contents that hosts may have, on the controller, so that a fleet needs each one made once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
import typing as t

from ...module_utils._delta.manifest import Manifest, read_manifest
from ...module_utils._errors import HostError
from ...module_utils._lock import exclusive_lock

__all__ = ["DeltaCache", "Kept"]

_LIMIT = 4 * 1024**3  # bytes
_WAIT = 1800  # seconds; another process may be making the same delta of two large trees
_KILLED = 86400  # seconds; making takes less than this
_MOST_ROOTS = 64  # sent to hosts: a host with such content does not have to describe it
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,200}")


class Kept(t.NamedTuple):
    """A content that the controller has, and its manifest."""

    path: str
    manifest: Manifest


class DeltaCache:
    """A directory with ``deltas/`` and ``contents/``; the least recently used is removed first.

    A delta is checked by its SHA-256 before use, and a content by its root. What is damaged is made again or dropped.
    """

    def __init__(self, path: str = "~/.cache/gofleet/delta", *, limit: int = _LIMIT) -> None:
        self.path = os.path.expanduser(path)
        self.limit = limit

    def delta(self, name: str, make: t.Callable[[str], dict[str, t.Any]]) -> tuple[str, dict[str, t.Any]]:
        """Return the path of the delta ``name`` and its description, with its ``sha256``; make it if it is missing.

        :param make: writes the delta to a path and returns its description
        """
        folder = self._folder("deltas")
        path = os.path.join(folder, _plain(name))
        with exclusive_lock(f"{path}.lock", wait_seconds=_WAIT):
            known = _verified(path)
            if known is None:
                with tempfile.TemporaryDirectory(prefix=".making-", dir=folder) as making:
                    fresh = os.path.join(making, "delta")
                    made = make(fresh)
                    sha256 = _sha256(fresh)
                    _write_json(f"{path}.json", {"sha256": sha256, "known": made})
                    known = {**made, "sha256": sha256}
                    os.replace(fresh, path)
                self._trim(keep=path)
            os.utime(path)
        return path, known

    def keep(self, source: str, root: str) -> None:
        """Keep a copy of a file or tree under its root, to make deltas from it later."""
        folder = self._folder("contents")
        path = os.path.join(folder, _plain(root))
        # One process makes the copy, the others of the same run find it.
        with exclusive_lock(f"{path}.lock", wait_seconds=_WAIT):
            if not os.path.lexists(path):
                with tempfile.TemporaryDirectory(prefix=".making-", dir=folder) as making:
                    fresh = os.path.join(making, "content")
                    if os.path.isdir(source):
                        shutil.copytree(source, fresh, symlinks=True)
                    else:
                        shutil.copy2(source, fresh)
                    with contextlib.suppress(
                        OSError
                    ):  # another process, which held a lock file that was removed, has done it
                        os.rename(fresh, path)
                self._trim(keep=path)
            os.utime(path)

    def content(self, root: str) -> Kept | None:
        """The file or tree with this root, if it is kept and undamaged."""
        path = os.path.join(self.path, "contents", _plain(root))
        if not os.path.lexists(path):
            return None
        with contextlib.suppress(HostError, FileNotFoundError):  # another process may be removing old ones
            manifest = read_manifest(path)
            if manifest.root == root:
                os.utime(path)
                return Kept(path, manifest)
        _delete(path)
        return None

    def roots(self) -> list[str]:
        """The roots of the kept contents that were used last."""
        entries = os.scandir(self._folder("contents"))
        found = [it for it in entries if not it.name.startswith(".") and not it.name.endswith(".lock")]
        used = sorted(found, key=lambda entry: entry.stat(follow_symlinks=False).st_mtime, reverse=True)
        return [entry.name for entry in used[:_MOST_ROOTS]]

    def _folder(self, name: str) -> str:
        folder = os.path.join(self.path, name)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        return folder

    def _trim(self, *, keep: str) -> None:
        """Remove what killed runs left, then the least recently used until the size is within the limit."""
        found = []
        for name in ("deltas", "contents"):
            folder = self._folder(name)
            for entry in os.scandir(folder):
                used = entry.stat(follow_symlinks=False).st_mtime
                if entry.name.startswith("."):
                    if used < time.time() - _KILLED:
                        _delete(entry.path)
                elif not entry.name.endswith((".json", ".lock")):
                    found.append((used, _size(entry.path), entry.path))
        over = sum(size for dummy, size, dummy2 in found) - self.limit
        for dummy, size, path in sorted(found):
            if over <= 0:
                break
            if path != keep:
                _delete(path)
                over -= size


def _verified(path: str) -> dict[str, t.Any] | None:
    """The description of a delta that exists and is undamaged."""
    try:
        with open(f"{path}.json", encoding="utf-8") as file:
            found = json.load(file)
        sha256 = _sha256(path)
        return {**found["known"], "sha256": sha256} if found["sha256"] == sha256 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _write_json(path: str, value: object) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)


def _size(path: str) -> int:
    if not os.path.isdir(path) or os.path.islink(path):
        return os.lstat(path).st_size
    return sum(
        os.lstat(os.path.join(folder, name)).st_size
        for folder, dummy, names in os.walk(path)
        for name in names
    )


def _delete(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    for name in (path, f"{path}.json", f"{path}.lock"):
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):
            os.unlink(name)


def _plain(name: str) -> str:
    if not _NAME.fullmatch(name) or name.startswith("."):
        raise ValueError(f"no name in a cache: {name!r}")
    return name
