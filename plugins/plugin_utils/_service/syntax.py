# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Words of unit files, taken literally by systemd."""

from __future__ import annotations

import re
import typing as t

__all__ = ["command", "plain", "setting", "text", "word"]

_SAFE = re.compile(r"[A-Za-z0-9@%+=:,./_-]+")


def word(raw: str) -> str:
    """One word of a command or list: specifiers taken literally, quoted where it must be (systemd.syntax(7))."""
    literal = raw.replace("%", "%%").replace("$", "$$")
    return _quoted(literal)


def setting(raw: str) -> str:
    """The same where systemd puts in no variables, as in Environment=: a dollar stands for itself."""
    return _quoted(raw.replace("%", "%%"))


def command(words: t.Iterable[str]) -> str:
    """A command line."""
    return " ".join(word(each) for each in words)


def plain(raw: str) -> str:
    """A number, time or share, in which systemd knows no specifiers: 150% stays as it is."""
    return " ".join(raw.split())


def text(raw: str) -> str:
    """A text of one line."""
    return plain(raw.replace("%", "%%"))


def _quoted(literal: str) -> str:
    if _SAFE.fullmatch(literal):
        return literal
    escaped = literal.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
