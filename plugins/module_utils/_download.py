# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Bytes from a URL: counted and hashed while they pass, with errors that say what the server did."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import typing as t
import urllib.error
import urllib.parse

from ._errors import HostError

__all__ = ["HashingReader", "download", "read_document", "shown"]


class HashingReader:
    """A stream that knows how many bytes went through it and their SHA-256."""

    def __init__(self, stream: t.Any, *, url: str, limit: int) -> None:
        self.count = 0
        # What has come so far, where the stream can do that: a stall is told from an empty answer, and work overlaps.
        self._read = getattr(stream, "read1", stream.read)
        self._url = url
        self._limit = limit
        self._hash = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; none at the end. Raises HostError when the server stalls or sends too much."""
        try:
            data: bytes = self._read(size)
        except (OSError, http.client.HTTPException) as error:
            raise _failed(self._url, found=f"{_reason(error)} after {self.count} bytes")
        self.count += len(data)
        if self.count > self._limit:
            raise _failed(self._url, found="more than that", wanted=f"at most {self._limit} bytes")
        self._hash.update(data)
        return data

    def drain(self) -> None:
        """Read what is left."""
        while self.read(1024 * 1024):
            pass

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


@contextlib.contextmanager
def download(url: str, *, timeout: float, limit: int) -> t.Iterator[HashingReader]:
    """Open a URL (http, https, file) for one pass of at most ``limit`` bytes.

    Proxies come from the environment, passwords from the URL or netrc, certificate authorities from the system.

    :param timeout: seconds for the connection, and for each read on it
    """
    # Imported when needed: an unchanged run reads nothing and should not pay for loading an HTTP client.
    from ansible.module_utils.urls import ConnectionError as UrlsError  # noqa: PLC0415
    from ansible.module_utils.urls import open_url  # noqa: PLC0415

    try:
        # The hash is of the bytes as published, so a server's compression on top must not be undone.
        response = open_url(url, timeout=timeout, decompress=False, http_agent="gofleet.hosts")
    except (OSError, http.client.HTTPException, ValueError, UrlsError) as error:
        raise _failed(url, found=_reason(error))
    with contextlib.closing(response):
        yield HashingReader(response, url=shown(url), limit=limit)


def read_document(url: str, *, timeout: float, limit: int) -> bytes:
    """A whole document, of at most ``limit`` bytes."""
    parts = []
    with download(url, timeout=timeout, limit=limit) as stream:
        part = stream.read(65536)
        while part:
            parts.append(part)
            part = stream.read(65536)
    return b"".join(parts)


def shown(url: str) -> str:
    """A URL without the password in it."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _failed(url: str, *, found: str, wanted: str = "to read it") -> HostError:
    return HostError(
        shown(url),
        wanted=wanted,
        found=found,
        remedy="Check the mirror, and proxies, from this host with a browser or curl; or name another mirror.",
    )


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
