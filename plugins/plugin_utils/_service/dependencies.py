# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Which service needs which, and the order that follows from it."""

from __future__ import annotations

import re
import typing as t

from ...module_utils._errors import HostError

__all__ = ["Order", "in_order", "order_lines", "read_order"]

_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]+\.(?:service|socket|timer|path|target|mount|device|slice)")


class Order(t.NamedTuple):
    """Names of services of the list, or of any units. What a service needs also starts before it."""

    after: list[str]
    wants: list[str]
    requires: list[str]
    binds_to: list[str]


def read_order(item: t.Mapping[str, t.Any]) -> Order:
    return Order(*([str(name) for name in item.get(kind) or []] for kind in Order._fields))


def in_order(orders: t.Mapping[str, Order]) -> list[str]:
    """The services, each after those it needs, else as they are listed.

    :param orders: by name of the service
    :raises HostError: a name that is neither a service of the list nor a unit, or a circle
    """
    needs = {name: _needs(name, order, listed=orders) for name, order in orders.items()}
    done: list[str] = []
    for name in orders:
        _visit(name, needs=needs, done=done, path=[])
    return done


def _needs(name: str, order: Order, *, listed: t.Container[str]) -> list[str]:
    named = [each for kind in order for each in kind]
    for each in named:
        if each not in listed and not _UNIT.fullmatch(each):
            raise HostError(
                f"service {name}",
                wanted="the name of another service of the list, or of a unit such as network-online.target",
                found=repr(each),
                remedy="Correct after, wants, requires or binds_to; a service that is to be absent can't be needed.",
            )
    return [each for each in named if each in listed]


def _visit(name: str, *, needs: t.Mapping[str, list[str]], done: list[str], path: list[str]) -> None:
    if name in path:
        raise HostError(
            f"service {name}",
            wanted="an order in which the services can start",
            found=f"a circle: {' after '.join([*path[path.index(name) :], name])}",
            remedy="Take one of these names out of after, wants, requires or binds_to.",
        )
    if name in done:
        return
    for other in needs[name]:
        _visit(other, needs=needs, done=done, path=[*path, name])
    done.append(name)


def order_lines(
    order: Order, *, sockets: t.Sequence[str], units_of: t.Callable[[str], t.Sequence[str]]
) -> list[str]:
    """The settings of a [Unit] section.

    :param sockets: the units that listen for this service
    :param units_of: the service units of a service of the list; of another name, that unit
    """
    resolved = Order(*([unit for name in kind for unit in units_of(name)] for kind in order))
    requires = [*sockets, *resolved.requires]
    after = ["network.target", *sockets, *(unit for kind in resolved for unit in kind)]
    lines = [f"After={' '.join(dict.fromkeys(after))}"]
    for key, units in (("Wants", resolved.wants), ("Requires", requires), ("BindsTo", resolved.binds_to)):
        if units:
            lines.append(f"{key}={' '.join(dict.fromkeys(units))}")
    return lines
