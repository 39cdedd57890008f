# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""How a wish for a function is written, and read."""

from __future__ import annotations

import typing as t

from .._errors import HostError
from .info import Wish
from .symbol import METHODS

__all__ = ["SYMBOL_SPEC", "wishes_of"]

SYMBOL_SPEC: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "alternatives": {"type": "list", "elements": "str", "default": []},
    "module": {"type": "str", "default": ""},
    "methods": {"type": "list", "elements": "str", "choices": list(METHODS), "default": []},
    "args": {"type": "raw", "aliases": ["arguments"]},
}


def wishes_of(entries: t.Sequence[t.Mapping[str, t.Any]]) -> list[Wish]:
    """The wishes in the parameter ``symbols``."""
    return [
        Wish(
            name=_name(entry["name"]),
            alternatives=tuple(map(_name, entry["alternatives"])),
            module=entry["module"],
            methods=tuple(entry["methods"]),
            arguments=_arguments(entry["name"], entry["args"]),
        )
        for entry in entries
    ]


def _name(text: str) -> str:
    """Nothing may come through that would be a second line, or an option, of an event of tracefs."""
    if text and text.isascii() and all(letter.isalnum() or letter in "_.$" for letter in text):
        return text
    raise HostError(
        f"symbol {text!r}",
        wanted="a name as in /proc/kallsyms: letters, digits, and _ . $",
        found="none" if not text else "other characters",
        remedy="Give the function's name alone, without module, offset or parentheses.",
    )


def _arguments(name: str, given: object) -> int | tuple[str, ...] | None:
    if given is None:
        return None
    if isinstance(given, list) and all(isinstance(item, str) for item in given):
        return tuple(given)
    # A template gives a number as text.
    if isinstance(given, (int, str)) and not isinstance(given, bool) and str(given).isdecimal():
        return int(given)
    raise HostError(
        f"symbol {name}",
        wanted="args as a number, or a list of types",
        found=repr(given),
        remedy="Write for example args: 3, or args: [int, const char *].",
    )
