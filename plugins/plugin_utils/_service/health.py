# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""How a service is asked whether it is well."""

from __future__ import annotations

import typing as t

from ...module_utils._errors import HostError
from .listeners import Listener

__all__ = ["Health", "health_question", "read_health"]

_PATH = "/healthz"
_SECONDS = 30


class Health(t.NamedTuple):
    """``path`` "" for no question; ``socket`` "" for the main port; ``timeout`` in seconds."""

    path: str
    socket: str
    warm_up: list[str]
    timeout: int


def read_health(item: t.Mapping[str, t.Any] | None, *, listeners: list[Listener], service: str) -> Health:
    """
    :param item: None for a service that does not say: it is asked where it listens at all
    :raises HostError: a question that nobody could answer
    """
    streams = [listener for listener in listeners if not listener.datagram]
    given = {"path": _PATH if streams else ""} if item is None else item
    health = Health(
        path=given.get("path", _PATH) or "",
        socket=str(given.get("socket") or (streams[0].name if streams else "")),
        warm_up=[str(path) for path in given.get("warm_up") or []],
        timeout=int(given.get("timeout", _SECONDS)),
    )
    if (health.path or health.warm_up) and health.socket not in [listener.name for listener in streams]:
        raise HostError(
            f"service {service}",
            wanted="a port to ask for its health"
            if not streams
            else "health.socket to be one of its sockets",
            found=f"health.path {health.path} and no port" if not streams else repr(health.socket),
            remedy="Set port or sockets, correct health.socket, or leave health out.",
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
            wanted="a path to ask after the warm-up",
            found="warm_up alone",
            remedy="Set health.path.",
        )
    return health


def health_question(health: Health, listeners: t.Sequence[Listener]) -> dict[str, t.Any] | None:
    """What ``systemd_units`` asks a process that listens here; None for nothing."""
    if not health.path:
        return None
    (listener,) = (one for one in listeners if one.name == health.socket and not one.datagram)
    question: dict[str, t.Any] = {"url": listener.url(health.path), "timeout": health.timeout}
    if listener.path:
        question["unix_socket"] = listener.path
    if health.warm_up:
        question["warm_up"] = health.warm_up
    return question
