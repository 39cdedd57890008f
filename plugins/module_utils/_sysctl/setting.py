# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Parse kernel settings, compare values by rule, and read and write live values."""

from __future__ import annotations

import os
import typing as t

from .._errors import HostError

__all__ = [
    "Setting",
    "fields",
    "key_path",
    "parse_settings",
    "read_live",
    "satisfies",
    "strengthen",
    "write_live",
]


class Setting(t.NamedTuple):
    """One entry of the option ``settings``."""

    name: str
    path: str  # below /proc/sys, with slashes
    value: str  # fields separated by one space
    rule: str  # at_least, at_most or exactly


def key_path(name: str) -> str:
    """Return the path of a key below /proc/sys.

    As in sysctl.d(5), the first separator decides: after a dot, dots and slashes swap.
    """
    for character in name:
        if character == "/":
            return name
        if character == ".":
            return name.translate(str.maketrans("./", "/."))
    return name


def fields(value: str) -> str:
    """Return a value with one space between its fields.

    The kernel separates them by tabs.
    """
    return " ".join(value.split())


def parse_settings(items: t.Iterable[t.Mapping[str, str]]) -> list[Setting]:
    """Return the wanted settings.

    :raises HostError: an invalid or repeated name, or a value that its rule cannot compare
    """
    settings: dict[str, Setting] = {}
    for item in items:
        setting = Setting(item["name"], key_path(item["name"]), fields(item["value"]), item["rule"])
        _check_name(setting)
        if setting.path in settings:
            raise HostError(
                setting.name,
                wanted="each key once in settings",
                found=f"the same key as {settings[setting.path].name} = {settings[setting.path].value}",
                remedy="Remove one of them.",
            )
        if setting.rule != "exactly" and _numbers(setting.value) is None:
            raise HostError(
                setting.name,
                wanted=f"whole numbers, because the rule is {setting.rule}",
                found=repr(item["value"]),
                remedy="Use whole numbers, or the rule `exactly`.",
            )
        settings[setting.path] = setting
    return list(settings.values())


def _check_name(setting: Setting) -> None:
    parts = setting.path.split("/")
    if not all(parts) or ".." in parts or any(character in setting.name for character in "*?[= \t\n"):
        raise HostError(
            setting.name or "settings",
            wanted="the name of one key, such as net.core.somaxconn or net/ipv4/conf/eth0.100/rp_filter",
            found=repr(setting.name),
            remedy="Write each key in full. Patterns are not supported.",
        )


def _numbers(value: str) -> list[int] | None:
    try:
        return [int(field) for field in value.split()] or None
    except ValueError:
        return None


def strengthen(setting: Setting, value: str) -> str:
    """Return the value nearest to ``value`` that satisfies the rule, field by field.

    :raises HostError: the two values cannot be compared
    """
    if setting.rule == "exactly":
        return setting.value
    wanted, found = _numbers(setting.value) or [], _numbers(value)
    if found is None or len(found) != len(wanted):
        raise HostError(
            setting.name,
            wanted=f"a value of {len(wanted)} numbers, because the rule is {setting.rule}",
            found=repr(value),
            remedy="Set as many fields as the kernel shows, or use the rule `exactly`.",
        )
    pick = max if setting.rule == "at_least" else min
    return " ".join(str(pick(pair)) for pair in zip(wanted, found))


def satisfies(setting: Setting, value: str) -> bool:
    """Whether a value satisfies the rule.

    A value that cannot be compared does not.
    """
    try:
        return strengthen(setting, value) == fields(value)
    except HostError:
        return False


def read_live(path: str) -> str:
    """Return the live value of a file below /proc/sys.

    :raises OSError: it cannot be read
    """
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return fields(file.read())


def write_live(path: str, value: str) -> None:
    """Set a value with one write(2), because the kernel parses each write separately.

    :raises OSError: the kernel refuses the value
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(descriptor, f"{value}\n".encode())
    finally:
        os.close(descriptor)
