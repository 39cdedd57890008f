# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Parse the health check of a service."""

from __future__ import annotations

import typing as t

from ...module_utils._errors import HostError
from .listeners import Listener

__all__ = ["HealthCheck", "health_check", "parse_health"]

_PATH = "/healthz"
_SECONDS = 30


class HealthCheck(t.NamedTuple):
    """A health check over HTTP.

    path: an empty string for a service without a health check
    socket: name of the socket, or an empty string for the main port
    warm_up: paths to request before
    timeout: in seconds
    """

    path: str
    socket: str
    warm_up: list[str]
    timeout: int


def parse_health(
    item: t.Mapping[str, t.Any] | None, *, listeners: list[Listener], service: str
) -> HealthCheck:
    """Return the health check that the user described.

    :param item: None where the user set none: then a service with a port or socket gets the default check
    :raises HostError: a health check that no process can answer
    """
    streams = [listener for listener in listeners if not listener.datagram]
    given = {"path": _PATH if streams else ""} if item is None else item
    health = HealthCheck(
        path=given.get("path", _PATH) or "",
        socket=str(given.get("socket") or (streams[0].name if streams else "")),
        warm_up=[str(path) for path in given.get("warm_up") or []],
        timeout=int(given.get("timeout", _SECONDS)),
    )
    if (health.path or health.warm_up) and health.socket not in [listener.name for listener in streams]:
        raise HostError(
            f"service {service}",
            wanted="health.socket to be one of its sockets" if streams else "a port for the health check",
            found=repr(health.socket) if streams else f"health.path {health.path} and no port",
            remedy="Set `port` or `sockets`, correct `health.socket`, or omit `health`.",
        )
    for path in (health.path, *health.warm_up):
        if path and not path.startswith("/"):
            raise HostError(
                f"health of service {service}",
                wanted="a path that starts with /",
                found=repr(path),
                remedy="Correct it.",
            )
    if health.warm_up and not health.path:
        raise HostError(
            f"health of service {service}",
            wanted="a path for the health check after the warm-up",
            found="only `warm_up`",
            remedy="Set `health.path`.",
        )
    return health


def health_check(health: HealthCheck, listeners: t.Sequence[Listener]) -> dict[str, t.Any] | None:
    """Return the option ``health`` of ``systemd_units`` for a process with these listeners, or None."""
    if not health.path:
        return None
    (listener,) = (one for one in listeners if one.name == health.socket and not one.datagram)
    question: dict[str, t.Any] = {"url": listener.url(health.path), "timeout": health.timeout}
    if listener.path:
        question["unix_socket"] = listener.path
    if health.warm_up:
        question["warm_up"] = health.warm_up
    return question
