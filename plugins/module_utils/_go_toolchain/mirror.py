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
from .._download import DEFAULT_ACCESS, Access, FetchError, download, read_document, redacted
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
_SIGNATURE_LIMIT = 65536  # bytes
_BLOCK = 1 << 20


class GoMirror(t.NamedTuple):
    """A mirror of Go releases, and how to connect to it."""

    url: str  # without a slash at its end
    timeout: float  # seconds for a connection, and for each read on it
    access: Access = DEFAULT_ACCESS

    @property
    def name(self) -> str:
        """The URL without user and password."""
        return redacted(self.url)

    @property
    def directory(self) -> str | None:
        """The local directory of a ``file://`` mirror, or None for a server."""
        parts = urllib.parse.urlsplit(self.url)
        return urllib.parse.unquote(parts.path) if parts.scheme == "file" else None

    def file(self, filename: str) -> str:
        """The URL of a file on the mirror."""
        return f"{self.url}/{filename}"

    def fetch_index(self) -> tuple[bytes, list[GoRelease]]:
        """Read the list of releases: that of a server like go.dev, or ``index.json`` of a mirror of plain files.

        :returns: the document, and the releases in it
        :raises FetchError: the mirror has neither
        """
        urls = [self.file("index.json")]
        if self.directory is None:
            urls.insert(0, f"{self.url}/?mode=json&include=all")
        failures = []
        for url in urls:
            try:
                text = read_document(url, timeout=self.timeout, limit=_INDEX_LIMIT, access=self.access)
                return text, parse_index(text, source=redacted(url))
            except HostError as error:
                failures.append(error)
        raise FetchError(
            self.name,
            wanted="the list of Go releases",
            found="; ".join(f"{error.subject}: {error.found}" for error in failures),
            remedy=failures[0].remedy,
        )


def mirror_of(params: t.Mapping[str, t.Any]) -> GoMirror:
    """The mirror that the options ``mirror``, ``timeout``, ``ca_path`` and ``headers`` describe."""
    headers = {str(name): str(value) for name, value in (params["headers"] or {}).items()}
    return GoMirror(params["mirror"].rstrip("/"), params["timeout"], Access(params["ca_path"], headers))


def secrets_of(params: t.Mapping[str, t.Any]) -> set[str]:
    """The parts of the mirror's URL that must not be shown: ``user:password``, and the password alone."""
    userinfo = params["mirror"].partition("://")[2].partition("/")[0].rpartition("@")[0]
    return {secret for secret in (userinfo, userinfo.partition(":")[2]) if secret}


def fetch_archive(archive: Archive, path: str, *, mirror: GoMirror, mode: int) -> None:
    """Download an archive, verify its size and SHA-256, and put it at a path by a rename.

    :param mode: permissions of the file
    :raises HostError: the mirror does not have the archive, or has a different one
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
    """Download the detached signature of a file on the mirror.

    :raises FetchError: the mirror does not have it
    """
    url = mirror.file(f"{filename}.asc")
    return read_document(url, timeout=mirror.timeout, limit=_SIGNATURE_LIMIT, access=mirror.access)


def check_signature(path: str, signature: bytes, *, signer: Signer, subject: str) -> None:
    """Check that a file has a valid signature of the signer.

    :param subject: the name of the file in errors
    :raises HostError: it has none
    """
    with checked_signature(signer, signature, subject=subject) as feed:
        for block in _blocks(path):
            feed(block)


def sha256_of(path: str) -> str | None:
    """The SHA-256 of a file, in hexadecimal, or None if there is no file."""
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
            remedy="The download was removed. Run again. If it fails again, the mirror's copy is damaged: "
            "use another mirror.",
        )


def _blocks(path: str) -> t.Iterator[bytes]:
    with open(path, "rb") as file:
        block = file.read(_BLOCK)
        while block:
            yield block
            block = file.read(_BLOCK)
