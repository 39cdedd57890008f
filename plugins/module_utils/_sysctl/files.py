# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read the files of sysctl.d and find which assignment wins at boot, by the rules of systemd-sysctl(8)."""

from __future__ import annotations

import fnmatch
import os
import typing as t

from .._atomic import read_text
from .setting import fields, key_path

__all__ = ["DIRECTORIES", "Assignment", "boot_assignments", "boot_winner", "parse_assignments"]

# In order of precedence: a file masks files of the same name in later directories. /lib is a link to /usr/lib
# where /usr is merged. A boot reads /etc/sysctl.conf only where a link in /etc/sysctl.d points to it.
DIRECTORIES = ("etc/sysctl.d", "run/sysctl.d", "usr/local/lib/sysctl.d", "usr/lib/sysctl.d", "lib/sysctl.d")


class Assignment(t.NamedTuple):
    """One assignment in a file.

    path: the key below /proc/sys with slashes, or a pattern
    value: None for a line ``-key`` without a value, which excludes the key from patterns
    """

    file: str
    path: str
    value: str | None
    line: int = 0  # counted from 1; 0 where it does not come from a file


def parse_assignments(file: str, text: str) -> list[Assignment]:
    """Return the assignments of one file in its order."""
    assignments = []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        key, equals, value = stripped.partition("=")
        key = key.strip()
        may_fail = key.startswith("-")
        if equals or may_fail:
            path = key_path(key[1:].strip() if may_fail else key)
            assignments.append(Assignment(file, path, fields(value) if equals else None, number))
    return assignments


def boot_assignments(root: str, *, replaced: t.Mapping[str, str | None]) -> list[Assignment]:
    """Return every assignment in the order in which the next boot reads them.

    :param root: the root of the file system
    :param replaced: path -> text to use in place of that file; None treats the file as missing
    """
    files: dict[str, str] = {}
    for directory in (os.path.join(root, name) for name in DIRECTORIES):
        paths = {os.path.join(directory, name) for name in _names(directory)}
        paths.update(path for path in replaced if os.path.dirname(path) == directory)
        for path in paths:
            if path.endswith(".conf") and replaced.get(path, "") is not None:
                files.setdefault(os.path.basename(path), path)
    assignments = []
    for dummy, path in sorted(files.items()):
        text = replaced.get(path) if path in replaced else _text(path)
        assignments += parse_assignments(path, text or "")
    return assignments


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _text(path: str) -> str | None:
    try:
        return read_text(path)
    except OSError:  # a boot cannot read this file either
        return None


def boot_winner(path: str, assignments: t.Iterable[Assignment]) -> Assignment | None:
    """Return the assignment that decides a key.

    That is the last one that names it, else the last matching pattern.
    """
    exact = pattern = None
    for assignment in assignments:
        if assignment.path == path:
            exact = assignment
        elif _matches(path, assignment.path):
            pattern = assignment
    if exact is not None:
        return exact if exact.value is not None else None
    return pattern if pattern is not None and pattern.value is not None else None


def _matches(path: str, pattern: str) -> bool:
    parts, patterns = path.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(
        fnmatch.fnmatchcase(part, wanted) for part, wanted in zip(parts, patterns)
    )
