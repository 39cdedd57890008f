# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Download from a URL, count and hash the bytes in one pass, and resume after a broken connection.

Errors say what the server did.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import time
import typing as t
import urllib.error
import urllib.parse

from ._errors import HostError

__all__ = [
    "DEFAULT_ACCESS",
    "NOT_FETCHED",
    "Access",
    "FetchError",
    "HashingReader",
    "download",
    "read_document",
    "redacted",
]

# The key of a failed result that has the URL that could not be read.
NOT_FETCHED = "not_fetched"

_PAUSES = (0.2, 1.0, 3.0)  # seconds before each of the reconnections in a row that read no byte
_CONNECTIONS = 20  # reconnections for one download, so that a download that breaks again and again ends
_SERVER_ERRORS = 500  # this status and those above may be temporary
_BLOCK = 1024 * 1024


class Access(t.NamedTuple):
    """How to access a server, beyond what the environment, the URL, netrc and the system say."""

    ca_path: str | None = None  # a file of certificate authorities, used instead of the system's
    headers: t.Mapping[str, str] = {}  # sent to the server of the URL, not to those that it redirects to


DEFAULT_ACCESS = Access()


class FetchError(HostError):
    """A server was not reached, or did not return what was requested. Another machine may be able to fetch it."""

    def report(self) -> dict[str, t.Any]:
        return {**super().report(), NOT_FETCHED: self.subject}


class HashingReader:
    """A stream that counts and hashes the bytes that are read from it.

    :param stream: the response of the server
    :param url: for errors, without password
    :param limit: bytes; a longer stream is an error
    :param reopen: opens the stream again from a byte offset; without it, a broken connection is an error
    :param size: bytes of the whole stream, if known; an earlier end is a broken connection
    :param tap: called with each block that is read
    """

    def __init__(
        self,
        stream: t.Any,
        *,
        url: str,
        limit: int,
        reopen: t.Callable[[int], t.Any] | None = None,
        size: int | None = None,
        tap: t.Callable[[bytes], object] | None = None,
    ) -> None:
        self.count = 0
        self._tap = tap
        self._stream = stream
        self._url = url
        self._limit = limit
        self._size = size
        self._reopen = reopen
        self._connections = 0
        self._hash = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """Read at most ``size`` bytes, or none at the end.

        :raises FetchError: the connection broke, or the server sent nothing for too long
        :raises HostError: the stream is longer than the limit
        """
        data = self._next(size)
        self.count += len(data)
        if self.count > self._limit:
            raise HostError(
                self._url,
                wanted=f"at most {self._limit} bytes",
                found="more than that",
                remedy="The server has a different file under that name. Repair the mirror, or use another one.",
            )
        self._hash.update(data)
        if self._tap is not None:
            self._tap(data)
        return data

    def drain(self) -> None:
        """Read and hash the rest of the stream."""
        while self.read(_BLOCK):
            pass

    def close(self) -> None:
        self._stream.close()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def _next(self, size: int) -> bytes:
        pauses = iter(_PAUSES)
        while True:
            cut: Exception | None = None
            data = b""
            try:
                # read1 returns what has arrived so far. So a timeout only happens if nothing arrived.
                data = getattr(self._stream, "read1", self._stream.read)(size)
            except (OSError, http.client.HTTPException) as error:
                cut = error
            missing = cut is not None or (not data and self._size is not None and self.count < self._size)
            if missing and self._reconnected(pauses):
                continue
            if cut is not None:
                raise _failed(self._url, found=f"{_reason(cut)} after {self.count} bytes")
            return data

    def _reconnected(self, pauses: t.Iterator[float]) -> bool:
        """Continue from a new connection, and return whether that worked."""
        for pause in pauses:
            if self._reopen is None or self._connections == _CONNECTIONS:
                return False
            self._connections += 1
            time.sleep(pause)
            try:
                stream = self._reopen(self.count)
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, urllib.error.HTTPError) and error.code < _SERVER_ERRORS:
                    return False  # the server refuses the request: no rest to read
                continue
            self._stream.close()
            self._stream = stream
            return True
        return False


@contextlib.contextmanager
def download(
    url: str,
    *,
    timeout: float,
    limit: int,
    size: int | None = None,
    access: Access = DEFAULT_ACCESS,
    tap: t.Callable[[bytes], object] | None = None,
) -> t.Iterator[HashingReader]:
    """Open a URL (http, https, file) for one pass of at most ``limit`` bytes.

    Proxies come from the environment, passwords from the URL or netrc, certificate authorities from the system.
    If ``size`` is known, a download whose connection breaks or times out is resumed at the byte where it ended.

    :param timeout: seconds for the connection, and for each read on it
    :param size: bytes of the file, if known
    :param tap: called with each block that is read
    :raises FetchError: the URL cannot be opened
    """
    from ansible.module_utils.urls import ConnectionError as UrlsError  # noqa: PLC0415

    def reopen(start: int) -> t.Any:
        try:
            return _open(url, timeout=timeout, access=access, start=start)
        except (ValueError, UrlsError) as error:
            raise OSError(str(error))

    try:
        response = _open(url, timeout=timeout, access=access)
    except (OSError, http.client.HTTPException, ValueError, UrlsError) as error:
        raise _failed(url, found=_reason(error))
    resumable = size is not None and url.lower().startswith("http")
    reader = HashingReader(
        response, url=redacted(url), limit=limit, reopen=reopen if resumable else None, size=size, tap=tap
    )
    with contextlib.closing(reader):
        yield reader


def _open(url: str, *, timeout: float, access: Access, start: int = 0) -> t.Any:
    """The response of the server, from the byte ``start`` on."""
    # Imported when needed: an unchanged run downloads nothing and should not load an HTTP client.
    from ansible.module_utils.urls import open_url  # noqa: PLC0415

    response = open_url(
        url,
        headers={**access.headers, **({"Range": f"bytes={start}-"} if start else {})},
        # The password from netrc is for this server only, too.
        unredirected_headers=["Authorization", *access.headers],
        timeout=timeout,
        ca_path=access.ca_path,
        # The hash is that of the published bytes, so they must not be decompressed.
        decompress=False,
        http_agent="gofleet.hosts",
    )
    # A server may ignore Range and send the whole file. The bytes that are skipped here were hashed before.
    left = 0 if getattr(response, "code", None) == http.client.PARTIAL_CONTENT else start
    while left:
        part = response.read(min(left, _BLOCK))
        if not part:
            raise http.client.IncompleteRead(b"", left)
        left -= len(part)
    return response


def read_document(url: str, *, timeout: float, limit: int, access: Access = DEFAULT_ACCESS) -> bytes:
    """Read a whole document of at most ``limit`` bytes.

    :raises FetchError: the URL cannot be read
    :raises HostError: the document is longer
    """
    parts = []
    with download(url, timeout=timeout, limit=limit, access=access) as stream:
        part = stream.read(65536)
        while part:
            parts.append(part)
            part = stream.read(65536)
    return b"".join(parts)


def redacted(url: str) -> str:
    """A URL without user and password."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _failed(url: str, *, found: str) -> FetchError:
    return FetchError(
        redacted(url),
        wanted="a file that can be downloaded",
        found=found,
        remedy="Check the address and the proxy settings with curl on that machine, or use another mirror.",
    )


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
