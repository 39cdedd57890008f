# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Install Go trees into a release store, and check whether an installed tree is complete.

A release is downloaded, verified and unpacked in one pass. Or it comes from the controller, as an archive or as a delta
from a release that is installed here.
"""

from __future__ import annotations

import contextlib
import errno
import os
import typing as t
import urllib.parse

from .._delta.apply import apply_delta
from .._download import FetchError, HashingReader, download, redacted
from .._errors import HostError
from .._release.store import MARKER, Marker, Store
from .._signature import Signer, checked_signature
from .._unpack import BrokenArchiveError, unpack
from .index import Archive
from .mirror import GoMirror, fetch_signature
from .options import DELTA_REFUSED, Payload

__all__ = ["DeltaRefusedError", "check_space", "go_version_of", "install", "is_complete"]

# Unpacked, a Go release takes 3.4 to 3.7 times the size of its archive (1.21 to 1.27), plus the unused part of each
# file's last block.
_EXPANSION = 4
_MAX_EXPANSION = 20  # an archive that expands more is not a Go release


class DeltaRefusedError(HostError):
    """A delta does not apply to the tree here, or arrived damaged. The controller can send the archive instead."""

    def report(self) -> dict[str, t.Any]:
        return {**super().report(), DELTA_REFUSED: True}


def is_complete(store: Store, version: str) -> bool:
    """Whether the tree of a release is complete and has the version that its name says.

    It reads the marker, VERSION and the mode of bin/go. It does not hash the 15,000 files of a release.
    """
    if store.marker(version) is None:
        return False
    tree = os.path.join(store.path, version)
    return go_version_of(tree) == version and os.access(os.path.join(tree, "bin", "go"), os.X_OK)


def install(
    store: Store,
    archives: t.Mapping[str, Archive],
    *,
    mirror: GoMirror,
    payloads: t.Mapping[str, Payload],
    signer: Signer | None = None,
) -> dict[str, str]:
    """Install Go releases into the store, all of them or none. The caller holds the store's lock.

    A download is hashed, unpacked and written in one pass. No release is committed before all are verified.

    :param archives: by version; releases that are complete are skipped
    :param payloads: files that the controller has sent, by version; the other releases are downloaded
    :returns: download, archive or delta, by version
    :raises DeltaRefusedError: a delta does not apply
    :raises FetchError: a download failed or was truncated
    :raises HostError: an archive is wrong, or there is not enough space
    """
    needed = {version: archive for version, archive in archives.items() if not is_complete(store, version)}
    methods = {}
    with contextlib.ExitStack() as stack:
        staged = {}
        for version, archive in needed.items():
            with _disk_full(store.path, [archive]):
                staged[version] = stack.enter_context(store.stage(version))
                payload = payloads.get(version)
                if payload is None:
                    methods[version] = "download"
                    _unpack_from(mirror, archive, staged[version], signer=signer)
                else:
                    methods[version] = _unpack_payload(payload, archive, staged[version], store=store)
                _require_go(staged[version], version, source=mirror.file(archive.filename))
        for version, archive in needed.items():
            store.invalidate(version)
            with _disk_full(store.path, [archive]):
                store.commit(staged[version], version, Marker(version, archive.sha256, archive.size))
    return methods


def check_space(path: str, archives: t.Collection[Archive]) -> None:
    """Check that the file system of a directory has space for these archives, unpacked.

    :param path: of the directory, which need not exist yet
    :raises HostError: there is not enough space
    """
    free = _free(path)
    if archives and free < _needed(archives):
        raise _no_space(path, archives, free=free)


def _unpack_payload(payload: Payload, archive: Archive, staging: str, *, store: Store) -> str:
    if payload.base is None:
        directory, name = os.path.split(urllib.parse.quote(payload.path))
        _unpack_from(GoMirror(f"file://{directory}", 0), archive, staging, name=name)
        return "archive"
    base = os.path.join(store.path, payload.base)
    try:
        root = apply_delta(payload.path, old=base, into=staging, ignore=(MARKER,)).root
    except HostError as error:
        raise DeltaRefusedError(error.subject, wanted=error.wanted, found=error.found, remedy=error.remedy)
    if root != payload.root:
        raise DeltaRefusedError(
            payload.path,
            wanted=f"a delta to the tree with the Merkle root {payload.root}",
            found=f"a delta to {root}",
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
            tap = stack.enter_context(checked_signature(signer, signature, subject=redacted(url)))
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
            unpack(stream, into=staging, name=archive.filename, top="go", limit=archive.size * _MAX_EXPANSION)
        except BrokenArchiveError as error:
            broken = str(error)
        stream.drain()
        _verify(stream, archive, url=redacted(url), broken=broken)


def _require_go(tree: str, version: str, *, source: str) -> None:
    found, program = go_version_of(tree), os.path.join(tree, "bin", "go")
    if found != version or not os.access(program, os.X_OK):
        raise HostError(
            redacted(source),
            wanted=f"a Go {version} tree: bin/go, and go{version} in VERSION",
            found=f"{found or 'nothing'} in VERSION, and bin/go "
            + ("is there" if os.path.exists(program) else "is missing"),
            remedy="The mirror's index names the wrong file for this version. Repair the mirror, or use another one.",
        )


def _verify(stream: HashingReader, archive: Archive, *, url: str, broken: str | None) -> None:
    remedy = "Nothing was installed. Run again. If it fails again, the mirror's copy is damaged: use another mirror."
    if stream.count != archive.size:
        raise FetchError(
            url,
            wanted=f"{archive.size} bytes, as the index says",
            found=f"{stream.count} bytes (truncated)",
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
            url,
            wanted="a tar.gz archive",
            found=f"a file with the size and SHA-256 of the index that cannot be unpacked: {broken}",
            remedy=remedy,
        )


def go_version_of(tree: str) -> str | None:
    """The version in the file VERSION of a Go tree, without the prefix ``go``, or None if it has none."""
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
        remedy="Free space, remove old releases with `keep`, or choose a `root` on a larger file system.",
    )


def _needed(archives: t.Collection[Archive]) -> int:
    return _EXPANSION * sum(archive.size for archive in archives)


def _free(path: str) -> int:
    while not os.path.isdir(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize
