# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Go trees in a release store: whether one is whole, and how one gets there.

In a single pass over the network; or out of what the controller has sent, an archive or what differs from a tree here.
"""

from __future__ import annotations

import contextlib
import errno
import os
import typing as t
import urllib.parse

from .._delta.apply import apply_delta
from .._download import FetchError, HashingReader, download, shown
from .._errors import HostError
from .._release.store import MARKER, Marker, Store
from .._signature import Signer, checked_signature
from .._unpack import BrokenArchiveError, unpack
from .index import Archive
from .mirror import GoMirror, fetch_signature

__all__ = ["DeltaRefusedError", "Parcel", "check_space", "go_version_of", "install", "is_whole"]

# A Go archive grows 3.4 to 3.7 times when unpacked (1.21 to 1.27), plus what files waste in their last block.
_GROWTH = 4
_BOMB = 20


class DeltaRefusedError(HostError):
    """A delta does not fit what is here, or did not arrive as it was sent: the whole archive still may."""

    def report(self) -> dict[str, t.Any]:
        return {**super().report(), "delta_refused": True}


class Parcel(t.NamedTuple):
    """What the controller has sent for a release: a file here. It has checked the archive's signature, if any."""

    path: str
    base: str | None  # the file is a delta, from the release of this name; None: it is the archive
    root: str | None  # of the tree that the delta leads to


def is_whole(store: Store, version: str) -> bool:
    """Whether a Go tree is complete and still what its name says: four cheap reads, no hash of 15,000 files."""
    if store.marker(version) is None:
        return False
    tree = os.path.join(store.path, version)
    return go_version_of(tree) == version and os.access(os.path.join(tree, "bin", "go"), os.X_OK)


def install(
    store: Store,
    archives: t.Mapping[str, Archive],
    *,
    mirror: GoMirror,
    parcels: t.Mapping[str, Parcel],
    signer: Signer | None = None,
) -> dict[str, str]:
    """Put Go releases into the store, all or none; returns how each came. The caller holds the store's lock.

    What is downloaded is hashed, unpacked and written in one pass. None is committed before all are verified.
    """
    needed = {version: archive for version, archive in archives.items() if not is_whole(store, version)}
    methods = {}
    with contextlib.ExitStack() as stack:
        staged = {}
        for version, archive in needed.items():
            with _disk_full(store.path, [archive]):
                staged[version] = stack.enter_context(store.stage(version))
                parcel = parcels.get(version)
                if parcel is None:
                    methods[version] = "download"
                    _unpack_from(mirror, archive, staged[version], signer=signer)
                else:
                    methods[version] = _unpack_parcel(parcel, archive, staged[version], store=store)
                _require_go(staged[version], version, source=mirror.file(archive.filename))
        for version, archive in needed.items():
            store.invalidate(version)
            with _disk_full(store.path, [archive]):
                store.commit(staged[version], version, Marker(version, archive.sha256, archive.size))
    return methods


def check_space(path: str, archives: t.Collection[Archive]) -> None:
    """Raise HostError when the file system that ``path`` is or will be in has no room for these archives."""
    free = _free(path)
    if archives and free < _needed(archives):
        raise _no_space(path, archives, free=free)


def _unpack_parcel(parcel: Parcel, archive: Archive, staging: str, *, store: Store) -> str:
    if parcel.base is None:
        directory, name = os.path.split(urllib.parse.quote(parcel.path))
        _unpack_from(GoMirror(f"file://{directory}", 0), archive, staging, name=name)
        return "archive"
    base = os.path.join(store.path, parcel.base)
    try:
        root = apply_delta(parcel.path, old=base, into=staging, ignore=(MARKER,)).root
    except HostError as error:
        raise DeltaRefusedError(error.subject, wanted=error.wanted, found=error.found, remedy=error.remedy)
    if root != parcel.root:
        raise DeltaRefusedError(
            parcel.path,
            wanted=f"a delta to the root {parcel.root}",
            found=f"one to {root}",
            remedy="Nothing was installed. Run again.",
        )
    return "delta"


def _unpack_from(
    mirror: GoMirror, archive: Archive, staging: str, *, name: str | None = None, signer: Signer | None = None
) -> None:
    broken = None
    url = mirror.file(name or archive.filename)
    with contextlib.ExitStack() as stack:
        tap = None
        if signer is not None:
            signature = fetch_signature(archive.filename, mirror=mirror)
            tap = stack.enter_context(checked_signature(signer, signature, subject=shown(url)))
        stream = stack.enter_context(
            download(
                url,
                timeout=mirror.timeout,
                limit=archive.size,
                size=archive.size,
                access=mirror.access,
                tap=tap,
            )
        )
        try:
            unpack(stream, into=staging, name=archive.filename, top="go", limit=archive.size * _BOMB)
        except BrokenArchiveError as error:
            broken = str(error)
        stream.drain()
        _verify(stream, archive, url=shown(url), broken=broken)


def _require_go(tree: str, version: str, *, source: str) -> None:
    found, program = go_version_of(tree), os.path.join(tree, "bin", "go")
    if found != version or not os.access(program, os.X_OK):
        raise HostError(
            shown(source),
            wanted=f"a Go {version} tree: bin/go, and go{version} in VERSION",
            found=f"VERSION says {found or 'nothing'}, bin/go "
            + ("is there" if os.path.exists(program) else "is missing"),
            remedy="The mirror's index names the wrong file for this version: have the mirror mended, or use another.",
        )


def _verify(stream: HashingReader, archive: Archive, *, url: str, broken: str | None) -> None:
    remedy = (
        "Nothing was installed. Run again; if it stays so, the mirror's copy is damaged: use another mirror."
    )
    if stream.count != archive.size:
        raise FetchError(
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


def go_version_of(tree: str) -> str | None:
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
