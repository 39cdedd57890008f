# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Parse and edit files with one NAME=value on a line, in which we manage a block of lines between two markers.

`go env -w` keeps comments, changes a line in place and adds new lines at the end. If a name has two lines, the last one
counts (cmd/go/internal/envcmd). pam_env(8) and systemd read the same lines, and take # for a comment.
"""

from __future__ import annotations

import re
import typing as t

__all__ = ["BEGIN", "END", "Line", "managed", "parse_lines", "with_managed"]

BEGIN = "# gofleet.hosts.go_env: begin"
END = "# gofleet.hosts.go_env: end"
_SETTING = re.compile(r"(?:export[ \t]+)?([A-Z][A-Za-z0-9_]*)=(.*)")


class Line(t.NamedTuple):
    """A line with a setting."""

    name: str
    value: str
    number: int  # of the line, from 1
    ours: bool  # between our markers


def parse_lines(text: str) -> list[Line]:
    """The settings of a file in their order. Other lines are skipped, as the readers of the file do."""
    found = []
    for number, (line, ours) in enumerate(_marked(text), 1):
        match = _SETTING.fullmatch(line.rstrip("\n"))
        if match is not None:
            found.append(Line(match.group(1), match.group(2), number, ours))
    return found


def managed(text: str) -> dict[str, str]:
    """The settings between our markers, by name."""
    return {line.name: line.value for line in parse_lines(text) if line.ours}


def with_managed(text: str, settings: t.Mapping[str, str]) -> str:
    """The text with these settings between our markers, and not outside them. Without settings there are no markers."""
    block = "".join(f"{name}={settings[name]}\n" for name in sorted(settings))
    pending = f"{BEGIN}\n{block}{END}\n" if settings else ""
    kept = ""
    for line, ours in _marked(text):
        bare = line.rstrip("\n")
        if ours or bare in (BEGIN, END):
            # The block keeps its position, also if lines were added after it.
            kept, pending = kept + pending, ""
            continue
        match = _SETTING.fullmatch(bare)
        if match is None or match.group(1) not in settings:
            kept += line
    if pending and kept and not kept.endswith("\n"):
        kept += "\n"
    return kept + pending


def _marked(text: str) -> list[tuple[str, bool]]:
    """Each line with its line break, and whether it is ours. Lines after a begin marker without an end are not ours."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    ends = [number for number, line in enumerate(lines) if line.rstrip("\n") == END]
    last = ends[-1] if ends else -1
    marked = []
    inside = False
    for number, line in enumerate(lines):
        bare = line.rstrip("\n")
        if bare in (BEGIN, END):
            inside = bare == BEGIN and number < last
        marked.append((line, inside and bare not in (BEGIN, END)))
    return marked
