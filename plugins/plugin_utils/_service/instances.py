# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""The processes of a service: one, or one for each of its instances."""

from __future__ import annotations

import re
import typing as t

from ...module_utils._errors import HostError
from .listeners import INSTANCE, Listener, read_listeners

__all__ = ["Member", "read_members"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class Member(t.NamedTuple):
    """One process. ``stem``: its units less their suffix; ``folder``: of its directories in /var/lib and the like."""

    stem: str
    folder: str
    listeners: list[Listener]
    arguments: list[str]
    environment: dict[str, str]

    @property
    def unit(self) -> str:
        return f"{self.stem}.service"

    @property
    def sockets(self) -> list[Listener]:
        """Those that systemd owns."""
        return [listener for listener in self.listeners if listener.unit]


def read_members(item: t.Mapping[str, t.Any]) -> list[Member]:
    """:raises HostError: instances that would be in each other's way, or an address that is none"""
    name = str(item["name"])
    instances = item.get("instances") or []
    if not instances:
        return [_member(item, {"name": "", "port": item.get("port")})]
    names = [str(instance["name"]) for instance in instances]
    for instance in names:
        if not _NAME.fullmatch(instance) or names.count(instance) > 1:
            raise HostError(
                f"instance {instance} of service {name}",
                wanted="a name of its own, of at most 32 lower-case letters, digits, - and _",
                found="it twice" if names.count(instance) > 1 else repr(instance),
                remedy="Rename it: the unit is called after it.",
            )
    if item.get("port"):
        raise HostError(
            f"service {name}",
            wanted="a port for each instance",
            found=f"port {item['port']} for all of them",
            remedy="Move port into the entries of instances.",
        )
    return [_member(item, instance) for instance in instances]


def _member(item: t.Mapping[str, t.Any], instance: t.Mapping[str, t.Any]) -> Member:
    name, own = str(item["name"]), str(instance["name"])

    def filled(value: t.Any) -> str:
        return str(value).replace(INSTANCE, own) if own else str(value)

    environment = {**(item.get("environment") or {}), **(instance.get("environment") or {})}
    return Member(
        stem=f"{name}@{own}" if own else name,
        folder=f"{name}/{own}" if own else name,
        listeners=read_listeners(
            item, port=int(instance.get("port") or 0), instance=own, by_systemd=bool(item.get("socket", True))
        ),
        arguments=[filled(argument) for argument in item.get("arguments") or []],
        environment={key: filled(value) for key, value in environment.items()},
    )
