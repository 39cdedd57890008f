# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Check the health of a service with HTTP requests over TCP or a Unix socket, until it answers or time is up."""

from __future__ import annotations

import http.client
import socket
import time
import typing as t
from urllib.parse import urlsplit

from ._errors import HostError

__all__ = ["HealthCheck", "parse_health", "wait_healthy"]

_PAUSE_SECONDS = 0.25
# A request that hangs must not use the time for later requests.
_REQUEST_SECONDS = 5.0
_FIRST_SERVER_ERROR = 500


class HealthCheck(t.NamedTuple):
    """A health check.

    status: the HTTP status that means healthy
    timeout: how long to keep trying, in seconds
    warm_up: paths to request before, each until its status is below 500
    """

    url: str
    unix_socket: str | None
    status: int
    timeout: float
    warm_up: tuple[str, ...] = ()


def parse_health(entry: t.Mapping[str, t.Any]) -> HealthCheck:
    """Return the health check that the option ``health`` describes.

    :raises HostError: the URL is not a plain http:// URL
    """
    parts = urlsplit(entry["url"])
    if parts.scheme != "http" or not parts.hostname:
        raise HostError(
            entry["url"],
            wanted="an http:// URL with a host",
            found=parts.scheme or "no scheme",
            remedy="Set the plain HTTP address of the service's health check on this host.",
        )
    return HealthCheck(
        entry["url"],
        entry.get("unix_socket"),
        entry["status"],
        entry["timeout"],
        tuple(entry.get("warm_up") or ()),
    )


def wait_healthy(
    health: HealthCheck,
    *,
    pause: t.Callable[[float], None] = time.sleep,
    clock: t.Callable[[], float] = time.monotonic,
) -> str | None:
    """Wait until the service is healthy.

    :returns: None, or what the last request found when the time is over
    """
    deadline = clock() + health.timeout
    parts = urlsplit(health.url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    requests: list[tuple[str, t.Callable[[int], bool]]] = [
        *((each, _is_served) for each in health.warm_up),
        (path, lambda status: status == health.status),
    ]
    for target, healthy in requests:
        while True:
            left = deadline - clock()
            found = _request(health, target, healthy=healthy, timeout=max(0.1, min(_REQUEST_SECONDS, left)))
            if found is None:
                break
            if left <= _PAUSE_SECONDS:
                return found if target == path else f"{found} from {target}"
            pause(_PAUSE_SECONDS)
    return None


def _is_served(status: int) -> bool:
    return status < _FIRST_SERVER_ERROR


def _request(
    health: HealthCheck, target: str, *, healthy: t.Callable[[int], bool], timeout: float
) -> str | None:
    connection = _connection(health, timeout=timeout)
    try:
        connection.request("GET", target, headers={"Connection": "close"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()
    return None if healthy(status) else f"HTTP status {status}"


def _connection(health: HealthCheck, *, timeout: float) -> http.client.HTTPConnection:
    parts = urlsplit(health.url)
    host = str(parts.hostname)
    if health.unix_socket:
        return _UnixConnection(host, path=health.unix_socket, timeout=timeout)
    return http.client.HTTPConnection(host, parts.port or 80, timeout=timeout)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket.

    The host is only for the Host header.
    """

    def __init__(self, host: str, *, path: str, timeout: float) -> None:
        super().__init__(host, timeout=timeout)
        self._path = path
        self._seconds = timeout

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._seconds)
        self.sock.connect(self._path)
