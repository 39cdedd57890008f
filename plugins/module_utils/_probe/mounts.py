# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""File systems that a process sees: both of its lists, and where those that probes need are mounted."""

from __future__ import annotations

import re
import typing as t

from .files import read

__all__ = [
    "Mount",
    "Mounted",
    "mounts_of_type",
    "parse_mountinfo",
    "parse_mounts",
    "tracefs_points",
    "unified_point",
]

_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mount(t.NamedTuple):
    """A line of /proc/PID/mountinfo: which device, which part of it, where, of what type."""

    device: str
    part: str
    point: str
    type: str


class Mounted(t.NamedTuple):
    """A line of /proc/PID/mounts: where, of what type, with which options."""

    point: str
    type: str
    options: tuple[str, ...]


def parse_mountinfo(text: str) -> list[Mount]:
    """The lines of mountinfo that are whole."""
    found = []
    for line in text.splitlines():
        before, dash, after = line.partition(" - ")
        fields, kinds = before.split(" "), after.split()
        if dash and len(fields) > 4 and kinds:
            found.append(Mount(fields[2], _unescaped(fields[3]), _unescaped(fields[4]), kinds[0]))
    return found


def parse_mounts(text: str) -> list[Mounted]:
    """The lines of mounts that name a point and a type."""
    rows = (line.split() for line in text.splitlines())
    return [
        Mounted(_unescaped(row[1]), row[2], tuple(",".join(row[3:4]).split(",")))
        for row in rows
        if len(row) > 2
    ]


def mounts_of_type(root: str, kind: str) -> list[Mount]:
    """The mounts of a type that this process sees."""
    text = read(root, "proc/self/mountinfo").text or ""
    return [mount for mount in parse_mountinfo(text) if mount.type == kind]


def tracefs_points(root: str) -> list[str]:
    """Where tracefs is seen, by itself (Linux 4.1) or below debugfs."""
    points = [mount.point for mount in mounts_of_type(root, "tracefs")]
    return points + [f"{mount.point}/tracing" for mount in mounts_of_type(root, "debugfs")]


def unified_point(root: str) -> str | None:
    """Where the root of the unified hierarchy of control groups is mounted; None: nowhere that this process sees."""
    return next((mount.point for mount in mounts_of_type(root, "cgroup2") if mount.part == "/"), None)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match.group(1), 8)), text)
