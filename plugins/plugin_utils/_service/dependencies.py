# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Parse the dependencies of services and compute the order in which they start."""

from __future__ import annotations

import re
import typing as t

from ...module_utils._errors import HostError

__all__ = ["Dependencies", "dependency_lines", "parse_dependencies", "start_order"]

_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]+\.(?:service|socket|timer|path|target|mount|device|slice)")


class Dependencies(t.NamedTuple):
    """What a service depends on, by systemd's setting.

    A name is that of a service of the list or of any unit.

    Every dependency starts before the service.
    """

    after: list[str]
    wants: list[str]
    requires: list[str]
    binds_to: list[str]


def parse_dependencies(item: t.Mapping[str, t.Any]) -> Dependencies:
    """Return the dependencies that the user described."""
    return Dependencies(*([str(name) for name in item.get(kind) or []] for kind in Dependencies._fields))


def start_order(services: t.Mapping[str, Dependencies]) -> list[str]:
    """Return the names of the services, each after its dependencies, else in the order of the list.

    :param services: dependencies by name of the service
    :raises HostError: a name that is neither a service of the list nor a unit, or a dependency cycle
    """
    needs = {name: _needs(name, dependencies, listed=services) for name, dependencies in services.items()}
    done: list[str] = []
    for name in services:
        _visit(name, needs=needs, done=done, path=[])
    return done


def _needs(name: str, dependencies: Dependencies, *, listed: t.Container[str]) -> list[str]:
    named = [each for kind in dependencies for each in kind]
    for each in named:
        if each not in listed and not _UNIT.fullmatch(each):
            raise HostError(
                f"service {name}",
                wanted="the name of another service of the list, or of a unit such as network-online.target",
                found=repr(each),
                remedy="Correct `after`, `wants`, `requires` or `binds_to`. They cannot name an absent service.",
            )
    return [each for each in named if each in listed]


def _visit(name: str, *, needs: t.Mapping[str, list[str]], done: list[str], path: list[str]) -> None:
    if name in path:
        raise HostError(
            f"service {name}",
            wanted="an order in which the services can start",
            found=f"a dependency cycle: {' after '.join([*path[path.index(name) :], name])}",
            remedy="Remove one of these names from `after`, `wants`, `requires` or `binds_to`.",
        )
    if name in done:
        return
    for other in needs[name]:
        _visit(other, needs=needs, done=done, path=[*path, name])
    done.append(name)


def dependency_lines(
    dependencies: Dependencies, *, sockets: t.Sequence[str], units_of: t.Callable[[str], t.Sequence[str]]
) -> list[str]:
    """Return the settings of a [Unit] section.

    :param sockets: the socket units of this service
    :param units_of: returns the units of a service of the list, and any other name as it is
    """
    resolved = Dependencies(*([unit for name in kind for unit in units_of(name)] for kind in dependencies))
    requires = [*sockets, *resolved.requires]
    after = ["network.target", *sockets, *(unit for kind in resolved for unit in kind)]
    lines = [f"After={' '.join(dict.fromkeys(after))}"]
    for key, units in (("Wants", resolved.wants), ("Requires", requires), ("BindsTo", resolved.binds_to)):
        if units:
            lines.append(f"{key}={' '.join(dict.fromkeys(units))}")
    return lines
