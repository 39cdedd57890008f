# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""systemd as text: unit names, unit files, and what systemctl shows."""

from __future__ import annotations

import re
import typing as t

__all__ = [
    "RUNNING",
    "affecting",
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

# States in which a unit has, or is about to have, something running or listening.
RUNNING = ("active", "activating", "reloading", "refreshing")

_NAME = r"[A-Za-z0-9:_.\\@-]+\.(?:service|socket|timer|path|target|slice|mount|automount|swap)"
_UNIT = re.compile(_NAME)
_DROP_IN = re.compile(_NAME + r"\.d/[A-Za-z0-9_][^/\s]*\.conf")


def wrong_name(name: str) -> str | None:
    """What is wrong with the name of a unit or drop-in; None for nothing."""
    if _UNIT.fullmatch(name) or _DROP_IN.fullmatch(name):
        return None
    return "a name that is neither NAME.TYPE nor NAME.TYPE.d/FILE.conf"


def is_drop_in(name: str) -> bool:
    return "/" in name


def is_template(name: str) -> bool:
    return "@." in name


def owner(name: str) -> str:
    """The unit that a name is about: itself, or the unit that a drop-in is for."""
    return name.split("/", 1)[0][: -len(".d")] if is_drop_in(name) else name


def kind(name: str) -> str:
    return owner(name).rsplit(".", 1)[1]


def affecting(unit: str) -> tuple[str, ...]:
    """The units whose files and drop-ins make up a unit: itself, and its template where it is an instance."""
    template = re.sub(r"@.+(\.\w+)$", r"@\1", unit)
    return (unit,) if template == unit else (unit, template)


def show_blocks(text: str) -> list[dict[str, str]]:
    """The properties of each unit that ``systemctl show`` was asked for, in that order."""
    blocks: list[dict[str, str]] = [{}]
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            blocks[-1][name] = value
        elif not line and blocks[-1]:
            blocks.append({})
    return [block for block in blocks if block]


def parse_show(text: str, *, names: t.Sequence[str]) -> dict[str, dict[str, str]]:
    """The same by the names on the command line of ``systemctl show``."""
    return dict(zip(names, show_blocks(text)))


def settings(text: str, section: str, key: str) -> list[str]:
    """The values of a key in a unit file, in order; an empty assignment forgets those before it."""
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
    """The services that a socket starts: what its file says, what systemd knows, else the one of the same stem."""
    named = shown.get("Triggers", "").split()
    if text is not None:
        named = settings(text, "Socket", "Service")[-1:]
    return named or [name[: -len("socket")] + "service"]
