# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Bytes from a URL: counted and hashed while they pass, taken up again where the line was cut, with errors that say
what the server did."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import time
import typing as t
import urllib.error
import urllib.parse

from ._errors import HostError

__all__ = ["PLAIN", "Access", "FetchError", "HashingReader", "download", "read_document", "shown"]

_PAUSES = (0.2, 1.0, 3.0)  # seconds before each new connection in a row that brings no byte
_CONNECTIONS = 20  # new ones for one download, so that one which is cut again and again ends
_SERVER_ERRORS = 500  # and above: statuses that pass
_PIECE = 1024 * 1024


class Access(t.NamedTuple):
    """What a server is told and asked beyond what the environment, the URL, netrc and the system say."""

    ca_path: str | None = None  # a file of certificate authorities, in place of the system's
    headers: t.Mapping[str, str] = {}  # sent to the server of the URL, not to where it redirects


PLAIN = Access()


class FetchError(HostError):
    """A server was not reached, or did not give what was asked for: another machine may have more luck."""

    def report(self) -> dict[str, t.Any]:
        return {**super().report(), "not_fetched": self.subject}


class HashingReader:
    """A stream that knows how many bytes went through it and their SHA-256.

    :param tap: sees each piece, too
    :param again: gives the stream from a byte on over a new connection; without it, a cut line is an error
    :param size: bytes that there are, if known: an end before that is a cut line
    """

    def __init__(
        self,
        stream: t.Any,
        *,
        url: str,
        limit: int,
        again: t.Callable[[int], t.Any] | None = None,
        size: int | None = None,
        tap: t.Callable[[bytes], object] | None = None,
    ) -> None:
        self.count = 0
        self._tap = tap
        self._stream = stream
        self._url = url
        self._limit = limit
        self._size = size
        self._again = again
        self._connections = 0
        self._hash = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; none at the end. Raises HostError when the server stalls or sends too much."""
        data = self._next(size)
        self.count += len(data)
        if self.count > self._limit:
            raise HostError(
                self._url,
                wanted=f"at most {self._limit} bytes",
                found="more than that",
                remedy="The server has another file under that name: have the mirror mended, or use another.",
            )
        self._hash.update(data)
        if self._tap is not None:
            self._tap(data)
        return data

    def drain(self) -> None:
        """Read what is left."""
        while self.read(_PIECE):
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
                # What has come so far, where the stream can do that: a stall is told from an empty answer.
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
        """Whether the rest can be read from a new connection."""
        for pause in pauses:
            if self._again is None or self._connections == _CONNECTIONS:
                return False
            self._connections += 1
            time.sleep(pause)
            try:
                stream = self._again(self.count)
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, urllib.error.HTTPError) and error.code < _SERVER_ERRORS:
                    return False  # it answers, and has no more
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
    access: Access = PLAIN,
    tap: t.Callable[[bytes], object] | None = None,
) -> t.Iterator[HashingReader]:
    """Open a URL (http, https, file) for one pass of at most ``limit`` bytes.

    Proxies come from the environment, passwords from the URL or netrc, certificate authorities from the system.
    Where ``size`` is known, a line that is cut or stalls is taken up again from the byte where it ended.

    :param timeout: seconds for the connection, and for each read on it
    """
    from ansible.module_utils.urls import ConnectionError as UrlsError  # noqa: PLC0415

    def again(start: int) -> t.Any:
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
        response, url=shown(url), limit=limit, again=again if resumable else None, size=size, tap=tap
    )
    with contextlib.closing(reader):
        yield reader


def _open(url: str, *, timeout: float, access: Access, start: int = 0) -> t.Any:
    """The answer, from the byte ``start`` on."""
    # Imported when needed: an unchanged run reads nothing and should not pay for loading an HTTP client.
    from ansible.module_utils.urls import open_url  # noqa: PLC0415

    response = open_url(
        url,
        headers={**access.headers, **({"Range": f"bytes={start}-"} if start else {})},
        # netrc's password too is for this server alone
        unredirected_headers=["Authorization", *access.headers],
        timeout=timeout,
        ca_path=access.ca_path,
        # The hash is of the bytes as published, so a server's compression on top must not be undone.
        decompress=False,
        http_agent="gofleet.hosts",
    )
    # A server may answer with all of it. Whatever is skipped here has been hashed before.
    left = 0 if getattr(response, "code", None) == http.client.PARTIAL_CONTENT else start
    while left:
        part = response.read(min(left, _PIECE))
        if not part:
            raise http.client.IncompleteRead(b"", left)
        left -= len(part)
    return response


def read_document(url: str, *, timeout: float, limit: int, access: Access = PLAIN) -> bytes:
    """A whole document, of at most ``limit`` bytes."""
    parts = []
    with download(url, timeout=timeout, limit=limit, access=access) as stream:
        part = stream.read(65536)
        while part:
            parts.append(part)
            part = stream.read(65536)
    return b"".join(parts)


def shown(url: str) -> str:
    """A URL without the password in it."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _failed(url: str, *, found: str) -> FetchError:
    return FetchError(
        shown(url),
        wanted="to read it",
        found=found,
        remedy="Check the mirror, and proxies, from that machine with a browser or curl; or name another mirror.",
    )


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error) or type(error).__name__
