# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Parse the instances of a service.

Each runs as one process, and a service without instances as one.
"""

from __future__ import annotations

import re
import typing as t

from ...module_utils._errors import HostError
from .listeners import SPECIFIER, Listener, parse_listeners

__all__ = ["Instance", "parse_instances"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class Instance(t.NamedTuple):
    """One process of a service.

    unit_stem: the name of its units without suffix, such as ``hello`` or ``hello@blue``
    directory: the name of its directories below /var/lib, /var/cache and /var/log
    """

    unit_stem: str
    directory: str
    listeners: list[Listener]
    arguments: list[str]
    environment: dict[str, str]

    @property
    def unit(self) -> str:
        """The name of its service unit."""
        return f"{self.unit_stem}.service"

    @property
    def sockets(self) -> list[Listener]:
        """The listeners whose sockets systemd owns."""
        return [listener for listener in self.listeners if listener.unit]


def parse_instances(item: t.Mapping[str, t.Any]) -> list[Instance]:
    """Return the instances of a service that the user described.

    :raises HostError: conflicting instances, or an invalid address
    """
    name = str(item["name"])
    instances = item.get("instances") or []
    if not instances:
        return [_parse_instance(item, {"name": "", "port": item.get("port")})]
    names = [str(instance["name"]) for instance in instances]
    for instance in names:
        if not _NAME.fullmatch(instance) or names.count(instance) > 1:
            raise HostError(
                f"instance {instance} of service {name}",
                wanted="a unique name of at most 32 lower-case letters, digits, - and _",
                found="two instances with this name" if names.count(instance) > 1 else repr(instance),
                remedy="Rename it. The name is part of the unit name.",
            )
    if item.get("port"):
        raise HostError(
            f"service {name}",
            wanted="a port for each instance",
            found=f"port {item['port']} for all instances",
            remedy="Move `port` into the entries of `instances`.",
        )
    return [_parse_instance(item, instance) for instance in instances]


def _parse_instance(item: t.Mapping[str, t.Any], instance: t.Mapping[str, t.Any]) -> Instance:
    name, own = str(item["name"]), str(instance["name"])

    def expand(value: t.Any) -> str:
        return str(value).replace(SPECIFIER, own) if own else str(value)

    environment = {**(item.get("environment") or {}), **(instance.get("environment") or {})}
    return Instance(
        unit_stem=f"{name}@{own}" if own else name,
        directory=f"{name}/{own}" if own else name,
        listeners=parse_listeners(
            item, port=int(instance.get("port") or 0), instance=own, by_systemd=bool(item.get("socket", True))
        ),
        arguments=[expand(argument) for argument in item.get("arguments") or []],
        environment={key: expand(value) for key, value in environment.items()},
    )
