# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Parse unit names, unit files and the output of ``systemctl show``."""

from __future__ import annotations

import re
import typing as t

__all__ = [
    "RUNNING",
    "contributing_units",
    "is_drop_in",
    "is_template",
    "kind",
    "owner",
    "parse_show",
    "services_of_socket",
    "settings",
    "show_blocks",
    "wrong_name",
]

# ActiveState values of a unit that runs or listens, or is about to.
RUNNING = ("active", "activating", "reloading", "refreshing")

_NAME = r"[A-Za-z0-9:_.\\@-]+\.(?:service|socket|timer|path|target|slice|mount|automount|swap)"
_UNIT = re.compile(_NAME)
_DROP_IN = re.compile(_NAME + r"\.d/[A-Za-z0-9_][^/\s]*\.conf")


def wrong_name(name: str) -> str | None:
    """Return what is wrong with the name of a unit or drop-in, or None."""
    if _UNIT.fullmatch(name) or _DROP_IN.fullmatch(name):
        return None
    return "a name that is neither NAME.TYPE nor NAME.TYPE.d/FILE.conf"


def is_drop_in(name: str) -> bool:
    """Whether a name is that of a drop-in, such as ``hello.service.d/10-limits.conf``."""
    return "/" in name


def is_template(name: str) -> bool:
    """Whether a name is that of a template unit, such as ``hello@.service``."""
    return "@." in name


def owner(name: str) -> str:
    """Return the unit that a name belongs to.

    For a drop-in, this is the unit that it extends.
    """
    return name.split("/", 1)[0][: -len(".d")] if is_drop_in(name) else name


def kind(name: str) -> str:
    """Return the type of a unit, such as service, socket or timer."""
    return owner(name).rsplit(".", 1)[1]


def contributing_units(unit: str) -> tuple[str, ...]:
    """Return the units whose files and drop-ins define a unit.

    These are the unit itself and, for an instance, its template.
    """
    template = re.sub(r"@.+(\.\w+)$", r"@\1", unit)
    return (unit,) if template == unit else (unit, template)


def show_blocks(text: str) -> list[dict[str, str]]:
    """Return the properties of each unit in the output of ``systemctl show``, in the order of its arguments."""
    blocks: list[dict[str, str]] = [{}]
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            blocks[-1][name] = value
        elif not line and blocks[-1]:
            blocks.append({})
    return [block for block in blocks if block]


def parse_show(text: str, *, names: t.Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the properties by unit name.

    :param names: the units on the command line of ``systemctl show``, in that order
    """
    return dict(zip(names, show_blocks(text)))


def settings(text: str, section: str, key: str) -> list[str]:
    """Return the values of a key in a unit file, in order.

    An empty assignment resets the list.
    """
    found: list[str] = []
    current = ""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        code = line.strip()
        if code.startswith("["):
            current = code.strip("[]")
        elif current == section and not code.startswith(("#", ";")) and "=" in code:
            name, value = (part.strip() for part in code.split("=", 1))
            if name == key:
                found = [*found, value] if value else []
    return found


def services_of_socket(name: str, *, text: str | None, shown: t.Mapping[str, str]) -> list[str]:
    """Return the services that a socket activates.

    :param text: the socket's unit file, where this run writes it; its ``Service=`` comes first
    :param shown: the properties of the socket; ``Triggers`` counts where there is no text
    :returns: else the service of the same name
    """
    named = shown.get("Triggers", "").split()
    if text is not None:
        named = settings(text, "Socket", "Service")[-1:]
    return named or [name[: -len("socket")] + "service"]
