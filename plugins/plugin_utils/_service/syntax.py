# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Quote values for unit files, so that systemd takes them literally (systemd.syntax(7))."""

from __future__ import annotations

import re
import typing as t

__all__ = ["command", "plain", "setting", "text", "word"]

_SAFE = re.compile(r"[A-Za-z0-9@%+=:,./_-]+")


def word(raw: str) -> str:
    """Return one word of a command line, with specifiers and variables escaped, quoted where needed."""
    literal = raw.replace("%", "%%").replace("$", "$$")
    return _quoted(literal)


def setting(raw: str) -> str:
    """Return one word of a setting without variable expansion, such as Environment=.

    A dollar sign is literal there.
    """
    return _quoted(raw.replace("%", "%%"))


def command(words: t.Iterable[str]) -> str:
    """Return a command line."""
    return " ".join(word(each) for each in words)


def plain(raw: str) -> str:
    """Return a number, time or percentage on one line.

    systemd expands no specifiers in it, so 150% is kept.
    """
    return " ".join(raw.split())


def text(raw: str) -> str:
    """Return a text on one line, with specifiers escaped."""
    return plain(raw.replace("%", "%%"))


def _quoted(literal: str) -> str:
    if _SAFE.fullmatch(literal):
        return literal
    escaped = literal.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
