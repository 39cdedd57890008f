# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""GODEBUG: its form, and the keys that a release of Go knows, which its own sources tell.

Programs say nothing of a key that they do not know: a misspelled one is found by nobody.
"""

from __future__ import annotations

import difflib
import os
import re
import typing as t

from .goproxy import SettingError

__all__ = ["DebugKeys", "check_godebug", "read_debug_keys"]

# The table of settings is there since Go 1.21. Compatibility settings stand in it, those of the runtime in the second.
_SETTINGS = "src/internal/godebugs/table.go"
_RUNTIME = "src/runtime/runtime1.go"
_KNOWN = re.compile(r'^\s*\{[Nn]ame: "(\w+)"(?!, Removed)', re.MULTILINE)
_REMOVED = re.compile(r'^\s*\{Name: "(\w+)", Removed: (\d+)', re.MULTILINE)
# What the runtime takes beside its table.
_BESIDES = frozenset(["memprofilerate"])
_CPU = re.compile(r"cpu\.\w+")
_PAIR = re.compile(r"([\w.]+)=([^=,\s]+)")


class DebugKeys(t.NamedTuple):
    """The keys of one release, and for those that it has no longer the minor version that took them away."""

    known: frozenset[str]
    removed: dict[str, int]


def read_debug_keys(goroot: str) -> DebugKeys | None:
    """None where there is no release, or one without its sources."""
    texts = []
    for name in (_SETTINGS, _RUNTIME):
        try:
            with open(os.path.join(goroot, name), encoding="utf-8") as file:
                texts.append(file.read())
        except (OSError, UnicodeDecodeError):
            return None
    known = frozenset(name for text in texts for name in _KNOWN.findall(text)) | _BESIDES
    return DebugKeys(known, {name: int(minor) for name, minor in _REMOVED.findall(texts[0])})


def check_godebug(value: str, keys: DebugKeys | None) -> None:
    """
    :param keys: of the release in use; None: the form alone is looked at
    :raises SettingError: not of the form key=value,key=value, or a key that the release does not know
    """
    for part in value.split(","):
        pair = _PAIR.fullmatch(part)
        if pair is None:
            raise SettingError(f"{part or 'nothing'} is not of the form key=value")
        name = pair.group(1)
        if keys is None or name in keys.known or _CPU.fullmatch(name):
            continue
        if name in keys.removed:
            raise SettingError(f"Go has no {name} since 1.{keys.removed[name]}")
        near = difflib.get_close_matches(name, keys.known, n=1)
        raise SettingError(f"this Go knows no {name}" + (f"; the nearest key is {near[0]}" if near else ""))
