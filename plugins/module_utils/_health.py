# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Whether a service answers: plain HTTP over TCP or a Unix socket, asked until it does or time is up."""

from __future__ import annotations

import http.client
import socket
import time
import typing as t
from urllib.parse import urlsplit

from ._errors import HostError

__all__ = ["Health", "health_of", "wait_healthy"]

_PAUSE_SECONDS = 0.25
# One answer that hangs must not use up the time in which a later one would have come.
_ANSWER_SECONDS = 5.0
_FIRST_SERVER_ERROR = 500


class Health(t.NamedTuple):
    """The question, the status that counts as healthy, and how many seconds to keep asking.

    ``warm_up``: paths that have to be answered before, by whatever is no failure of the server.
    """

    url: str
    unix_socket: str | None
    status: int
    timeout: float
    warm_up: tuple[str, ...] = ()


def health_of(entry: t.Mapping[str, t.Any]) -> Health:
    parts = urlsplit(entry["url"])
    if parts.scheme != "http" or not parts.hostname:
        raise HostError(
            entry["url"],
            wanted="an http:// URL with a host",
            found=parts.scheme or "no scheme",
            remedy="Give the plain HTTP address on which the service tells its health on this host.",
        )
    return Health(
        entry["url"],
        entry.get("unix_socket"),
        entry["status"],
        entry["timeout"],
        tuple(entry.get("warm_up") or ()),
    )


def wait_healthy(
    health: Health,
    *,
    pause: t.Callable[[float], None] = time.sleep,
    clock: t.Callable[[], float] = time.monotonic,
) -> str | None:
    """None as soon as the service answers as wanted, else what the last attempt found."""
    deadline = clock() + health.timeout
    parts = urlsplit(health.url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    questions: list[tuple[str, t.Callable[[int], bool]]] = [
        *((each, _is_served) for each in health.warm_up),
        (path, lambda status: status == health.status),
    ]
    for target, healthy in questions:
        while True:
            left = deadline - clock()
            found = _ask(health, target, healthy=healthy, timeout=max(0.1, min(_ANSWER_SECONDS, left)))
            if found is None:
                break
            if left <= _PAUSE_SECONDS:
                return found if target == path else f"{found} from {target}"
            pause(_PAUSE_SECONDS)
    return None


def _is_served(status: int) -> bool:
    return status < _FIRST_SERVER_ERROR


def _ask(health: Health, target: str, *, healthy: t.Callable[[int], bool], timeout: float) -> str | None:
    connection = _connection(health, timeout=timeout)
    try:
        connection.request("GET", target, headers={"Connection": "close"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return None if healthy(status) else f"HTTP status {status}"


def _connection(health: Health, *, timeout: float) -> http.client.HTTPConnection:
    parts = urlsplit(health.url)
    host = str(parts.hostname)
    if health.unix_socket:
        return _UnixConnection(host, path=health.unix_socket, timeout=timeout)
    return http.client.HTTPConnection(host, parts.port or 80, timeout=timeout)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket; the host only fills the Host header."""

    def __init__(self, host: str, *, path: str, timeout: float) -> None:
        super().__init__(host, timeout=timeout)
        self._path = path
        self._seconds = timeout

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._seconds)
        self.sock.connect(self._path)
