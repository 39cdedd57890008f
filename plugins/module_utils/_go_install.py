# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Go trees in a release store: whether one is whole, and how one gets there in a single pass over the network."""

from __future__ import annotations

import contextlib
import errno
import os
import typing as t

from ._download import PLAIN, Access, HashingReader, download
from ._errors import HostError
from ._go_index import Archive
from ._release import Marker, Store
from ._unpack import BrokenArchiveError, unpack

__all__ = ["check_space", "install", "is_whole"]

# A Go archive grows 3.4 to 3.7 times when unpacked (1.21 to 1.27), plus what files waste in their last block.
_GROWTH = 4
_BOMB = 20


def is_whole(store: Store, version: str) -> bool:
    """Whether a Go tree is complete and still what its name says: four cheap reads, no hash of 15,000 files."""
    if store.marker(version) is None:
        return False
    tree = os.path.join(store.path, version)
    return _version_of(tree) == version and os.access(os.path.join(tree, "bin", "go"), os.X_OK)


def install(
    store: Store,
    archives: t.Mapping[str, Archive],
    *,
    mirror: str,
    timeout: float,
    access: Access = PLAIN,
) -> int:
    """Put Go releases into the store, all or none; returns the bytes read. The caller holds the store's lock.

    Each is downloaded, hashed, unpacked and written in one pass. None is committed before all are verified.
    """
    needed = {version: archive for version, archive in archives.items() if not is_whole(store, version)}
    with contextlib.ExitStack() as stack:
        staged = {}
        for version, archive in needed.items():
            with _disk_full(store.path, [archive]):
                staged[version] = stack.enter_context(store.stage(version))
                url = f"{mirror}/{archive.filename}"
                _fill(staged[version], version, archive, url=url, timeout=timeout, access=access)
        for version, archive in needed.items():
            store.distrust(version)
            with _disk_full(store.path, [archive]):
                store.commit(staged[version], version, Marker(version, archive.sha256, archive.size))
    return sum(archive.size for archive in needed.values())


def check_space(path: str, archives: t.Collection[Archive]) -> None:
    """Raise HostError when the file system that ``path`` is or will be in has no room for these archives."""
    free = _free(path)
    if archives and free < _needed(archives):
        raise _no_space(path, archives, free=free)


def _fill(staging: str, version: str, archive: Archive, *, url: str, timeout: float, access: Access) -> None:
    broken = None
    size = archive.size
    with download(url, timeout=timeout, limit=size, size=size, access=access) as stream:
        try:
            unpack(stream, into=staging, name=archive.filename, top="go", limit=size * _BOMB)
        except BrokenArchiveError as error:
            broken = str(error)
        stream.drain()
    _verify(stream, archive, url=url, broken=broken)
    found = _version_of(staging)
    if found != version or not os.access(os.path.join(staging, "bin", "go"), os.X_OK):
        raise HostError(
            url,
            wanted=f"a Go {version} tree: bin/go, and go{version} in VERSION",
            found=f"VERSION says {found or 'nothing'}, bin/go "
            + ("is there" if os.path.exists(os.path.join(staging, "bin", "go")) else "is missing"),
            remedy="The mirror's index names the wrong file for this version: have the mirror mended, or use another.",
        )


def _verify(stream: HashingReader, archive: Archive, *, url: str, broken: str | None) -> None:
    remedy = (
        "Nothing was installed. Run again; if it stays so, the mirror's copy is damaged: use another mirror."
    )
    if stream.count != archive.size:
        raise HostError(
            url,
            wanted=f"{archive.size} bytes, as the index says",
            found=f"the end after {stream.count} bytes (truncated)",
            remedy=remedy,
        )
    if stream.sha256 != archive.sha256:
        raise HostError(
            url,
            wanted=f"SHA-256 {archive.sha256}, as the index says",
            found=f"SHA-256 {stream.sha256}",
            remedy=remedy,
        )
    if broken is not None:
        raise HostError(
            url, wanted="a tar.gz archive", found=f"what the index describes, but {broken}", remedy=remedy
        )


def _version_of(tree: str) -> str | None:
    """The version that a Go tree states, without ``go``."""
    try:
        descriptor = os.open(os.path.join(tree, "VERSION"), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
            line = file.readline(128).strip()
    except OSError:
        return None
    return line[2:] if line.startswith("go") else None


@contextlib.contextmanager
def _disk_full(path: str, archives: t.Collection[Archive]) -> t.Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _no_space(path, archives, free=_free(path))


def _no_space(path: str, archives: t.Collection[Archive], *, free: int) -> HostError:
    return HostError(
        path,
        wanted=f"about {_needed(archives)} bytes free for {', '.join(archive.filename for archive in archives)}",
        found=f"{free} bytes free, or no inodes or quota left",
        remedy="Make room, remove old versions with keep, or choose a root on a larger file system.",
    )


def _needed(archives: t.Collection[Archive]) -> int:
    return _GROWTH * sum(archive.size for archive in archives)


def _free(path: str) -> int:
    while not os.path.isdir(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize
