# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""A path as a rule of AppArmor names it: what differs from run to run made general, everything else taken literally."""

from __future__ import annotations

import re
import typing as t

__all__ = ["pattern_of", "quoted"]

_PLAIN = re.compile(r"[A-Za-z0-9/._+:=@%~*{}-]+")
_GLOB = "*?[]{}"
_INIT = "1"


def pattern_of(path: str, *, release_roots: t.Sequence[str]) -> str:
    """The path for a rule, quoted where it must be.

    Process and thread numbers become ``@{pid}`` and ``@{tid}``, the places of the kernel's file systems their
    variables, and the version of a release (``<root>/<name>/<version>/``) becomes ``*``. Process 1 stays itself.
    """
    variable, parts = _split(path, release_roots=release_roots)
    text = variable + "".join(part if general else _literal(part) for part, general in parts)
    return text if _PLAIN.fullmatch(text) else f'"{text}"'


def quoted(word: str) -> str:
    """A word that is no path, such as the name of a profile, taken literally."""
    text = _literal(word)
    return text if _PLAIN.fullmatch(text) else f'"{text}"'


def _split(path: str, *, release_roots: t.Sequence[str]) -> tuple[str, list[tuple[str, bool]]]:
    """A variable to begin with, and the rest in pieces with whether each is general already."""
    process = re.match(r"/proc/(\d+)(?=/|$)", path)
    if process and process.group(1) != _INIT:
        rest = path[process.end() :]
        thread = re.match(r"/task/\d+(?=/|$)", rest)
        if thread is None:
            return "@{PROC}/@{pid}", [(rest, False)]
        return "@{PROC}/@{pid}", [("/task/@{tid}", True), (rest[thread.end() :], False)]
    for place, variable in (("/proc/", "@{PROC}/"), ("/sys/", "@{sys}/"), ("/run/", "@{run}/")):
        if path.startswith(place):
            return variable, [(path[len(place) :], False)]
    for root in release_roots:
        release = re.match(re.escape(root.rstrip("/")) + r"/[^/]+/(?=[^/]+/)", path)
        if release:
            rest = path[release.end() :]
            return "", [(release.group(), False), ("*", True), (rest[rest.index("/") :], False)]
    return "", [(path, False)]


def _literal(text: str) -> str:
    """Text with nothing left in it that the parser would read as a pattern, a quote or an escape."""
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    if character in _GLOB or character in ('"', "\\"):
        return "\\" + character
    if character.isprintable():
        return character
    # Control characters, and bytes that are no UTF-8.
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))
