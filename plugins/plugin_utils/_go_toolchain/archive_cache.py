# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Cache Go archives on the controller, so that each is downloaded once for all hosts. Each use verifies the SHA-256."""

from __future__ import annotations

import contextlib
import os

from ...module_utils._atomic import write_text
from ...module_utils._go_toolchain.index import Archive
from ...module_utils._go_toolchain.mirror import (
    GoMirror,
    check_signature,
    fetch_archive,
    fetch_signature,
    sha256_of,
)
from ...module_utils._lock import exclusive_lock
from ...module_utils._signature import Signer

__all__ = ["ArchiveCache"]

_LIMIT = 2 * 1024**3  # bytes; about thirty archives
_WAIT = 3600  # seconds; another process may be downloading over a slow network


class ArchiveCache:
    """A directory with one file for each archive, named by its SHA-256. The least recently used file is evicted first.

    :param path: the parent of the directory
    :param limit: bytes of all archives together
    """

    def __init__(self, path: str, *, limit: int = _LIMIT) -> None:
        self.folder = os.path.join(path, "archives")
        self.limit = limit

    def has(self, sha256: str) -> bool:
        """Whether an archive is in the cache. Its content is verified when it is used."""
        return os.path.exists(self._path(sha256))

    def get(self, archive: Archive, *, mirror: GoMirror, signer: Signer | None = None) -> str:
        """The path of an archive, which is downloaded if it is missing or damaged.

        :param signer: the key that must have signed it, if any
        :raises HostError: the mirror does not have it, has a different one, or its signature is wrong
        """
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        path = self._path(archive.sha256)
        with exclusive_lock(f"{path}.lock", wait_seconds=_WAIT):
            if sha256_of(path) != archive.sha256:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                fetch_archive(archive, path, mirror=mirror, mode=0o600)
            os.utime(path)
            if signer is not None:
                _check(path, archive, mirror, signer)
        self._evict(keep=path)
        return path

    def _path(self, sha256: str) -> str:
        return os.path.join(self.folder, sha256)

    def _evict(self, *, keep: str) -> None:
        """Remove the least recently used archives until the limit is met."""
        found = []
        for entry in os.scandir(self.folder):
            if not entry.name.startswith(".") and not entry.name.endswith((".lock", ".signed")):
                status = entry.stat(follow_symlinks=False)
                found.append((status.st_mtime, status.st_size, entry.path))
        over = sum(size for dummy, size, dummy2 in found) - self.limit
        for dummy, size, path in sorted(found):
            if over > 0 and path != keep:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                over -= size


def _check(path: str, archive: Archive, mirror: GoMirror, signer: Signer) -> None:
    # Checked once for each key: the name of the file contains the hash of its content, so the result stays true.
    checked = f"{path}.{signer.fingerprint}.signed"
    if os.path.exists(checked):
        return
    signature = fetch_signature(archive.filename, mirror=mirror)
    check_signature(path, signature, signer=signer, subject=f"{mirror.name}/{archive.filename}")
    write_text(checked, "")
