# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Go archives as files, for those who hand them on: in their place only when whole, by SHA-256 and by signature."""

from __future__ import annotations

import hashlib
import os
import tempfile
import typing as t

from .._atomic import fsync_directory
from .._download import FetchError, download, read_document
from .._signature import Signer, checked_signature
from .index import Archive
from .mirror import GoMirror

__all__ = ["check_signature", "fetch_archive", "fetch_signature", "sha256_of"]

_BLOCK = 1 << 20
_SIGNATURE_LIMIT = 65536  # bytes


def fetch_archive(archive: Archive, path: str, *, mirror: GoMirror, mode: int) -> None:
    """Put an archive at a path.

    :raises HostError: the mirror does not have it, or has another one
    """
    directory = os.path.dirname(path)
    descriptor, temporary = tempfile.mkstemp(prefix=".loading-", dir=directory)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            _copy(archive, file, mirror)
            file.flush()
            os.fsync(descriptor)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    fsync_directory(directory)


def fetch_signature(filename: str, *, mirror: GoMirror) -> bytes:
    """The detached signature of a file of the mirror."""
    url = mirror.file(f"{filename}.asc")
    return read_document(url, timeout=mirror.timeout, limit=_SIGNATURE_LIMIT, access=mirror.access)


def check_signature(path: str, signature: bytes, *, signer: Signer, subject: str) -> None:
    """Raise HostError unless the file is signed by the signer."""
    with checked_signature(signer, signature, subject=subject) as feed:
        for block in _blocks(path):
            feed(block)


def sha256_of(path: str) -> str | None:
    """None where there is no file."""
    digest = hashlib.sha256()
    try:
        for block in _blocks(path):
            digest.update(block)
    except FileNotFoundError:
        return None
    return digest.hexdigest()


def _copy(archive: Archive, file: t.BinaryIO, mirror: GoMirror) -> None:
    size = archive.size
    url = mirror.file(archive.filename)
    with download(url, timeout=mirror.timeout, limit=size, size=size, access=mirror.access) as stream:
        block = stream.read(_BLOCK)
        while block:
            file.write(block)
            block = stream.read(_BLOCK)
    if stream.count != size or stream.sha256 != archive.sha256:
        raise FetchError(
            f"{mirror.name}/{archive.filename}",
            wanted=f"{size} bytes with SHA-256 {archive.sha256}, as the index says",
            found=f"{stream.count} bytes with {stream.sha256}",
            remedy="It was not kept. Run again; if it stays so, the mirror's copy is damaged: use another mirror.",
        )


def _blocks(path: str) -> t.Iterator[bytes]:
    with open(path, "rb") as file:
        block = file.read(_BLOCK)
        while block:
            yield block
            block = file.read(_BLOCK)
