# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read the index of a Go download mirror and fetch archives from it."""

from __future__ import annotations

import hashlib
import os
import tempfile
import typing as t
import urllib.parse

from .._atomic import fsync_directory
from .._download import PLAIN, Access, FetchError, download, read_document, shown
from .._errors import HostError
from .._signature import Signer, checked_signature
from .index import Archive, GoRelease, parse_index

__all__ = [
    "GoMirror",
    "check_signature",
    "fetch_archive",
    "fetch_signature",
    "mirror_of",
    "secrets_of",
    "sha256_of",
]

_INDEX_LIMIT = 64 * 1024 * 1024  # bytes; the list of all releases had about 5 million in 2026


class GoMirror(t.NamedTuple):
    """Where it is, and how it is asked."""

    url: str  # without a slash at its end
    timeout: float  # seconds for a connection, and for each read on it
    access: Access = PLAIN

    @property
    def name(self) -> str:
        """The URL as it may be shown."""
        return shown(self.url)

    @property
    def directory(self) -> str | None:
        """Where its files are on the machine that asks, if the mirror is no server."""
        parts = urllib.parse.urlsplit(self.url)
        return urllib.parse.unquote(parts.path) if parts.scheme == "file" else None

    def file(self, filename: str) -> str:
        """The URL of a file."""
        return f"{self.url}/{filename}"

    def fetch_index(self) -> tuple[bytes, list[GoRelease]]:
        """The list of releases, as it came and as it reads: what go.dev serves, or ``index.json`` of plain files."""
        urls = [self.file("index.json")]
        if self.directory is None:
            urls.insert(0, f"{self.url}/?mode=json&include=all")
        failures = []
        for url in urls:
            try:
                text = read_document(url, timeout=self.timeout, limit=_INDEX_LIMIT, access=self.access)
                return text, parse_index(text, source=shown(url))
            except HostError as error:
                failures.append(error)
        raise FetchError(
            self.name,
            wanted="the list of Go releases",
            found="; ".join(f"{error.subject}: {error.found}" for error in failures),
            remedy=failures[0].remedy,
        )


def mirror_of(params: t.Mapping[str, t.Any]) -> GoMirror:
    """The mirror that a module's options name: ``mirror``, ``timeout``, ``ca_path`` and ``headers``."""
    headers = {str(name): str(value) for name, value in (params["headers"] or {}).items()}
    return GoMirror(params["mirror"].rstrip("/"), params["timeout"], Access(params["ca_path"], headers))


def secrets_of(params: t.Mapping[str, t.Any]) -> set[str]:
    """What of the mirror's URL must not be shown: the user and the password in it, together and alone."""
    userinfo = params["mirror"].partition("://")[2].partition("/")[0].rpartition("@")[0]
    return {secret for secret in (userinfo, userinfo.partition(":")[2]) if secret}


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
