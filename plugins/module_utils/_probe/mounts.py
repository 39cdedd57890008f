# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Read the mounts that a process sees, and find the mount points that probes need."""

from __future__ import annotations

import re
import typing as t

from .files import read

__all__ = [
    "MountEntry",
    "MountInfo",
    "cgroup2_mount_point",
    "mounts_of_type",
    "parse_mountinfo",
    "parse_mounts",
    "tracefs_mount_points",
]

_ESCAPE = re.compile(r"\\([0-7]{3})")


class MountInfo(t.NamedTuple):
    """A line of /proc/PID/mountinfo.

    ``device``: major:minor. ``part``: the directory of the file system that is mounted. ``point``: the mount point.
    """

    device: str
    part: str
    point: str
    type: str


class MountEntry(t.NamedTuple):
    """The mount point, the type and the options of a line of /proc/PID/mounts."""

    point: str
    type: str
    options: tuple[str, ...]


def parse_mountinfo(text: str) -> list[MountInfo]:
    """Parse mountinfo. Incomplete lines are skipped."""
    found = []
    for line in text.splitlines():
        before, dash, after = line.partition(" - ")
        fields, kinds = before.split(" "), after.split()
        if dash and len(fields) > 4 and kinds:
            found.append(MountInfo(fields[2], _unescaped(fields[3]), _unescaped(fields[4]), kinds[0]))
    return found


def parse_mounts(text: str) -> list[MountEntry]:
    """Parse mounts. Lines without a mount point or a type are skipped."""
    rows = (line.split() for line in text.splitlines())
    return [
        MountEntry(_unescaped(row[1]), row[2], tuple(",".join(row[3:4]).split(",")))
        for row in rows
        if len(row) > 2
    ]


def mounts_of_type(root: str, kind: str) -> list[MountInfo]:
    """Return the mounts of a type that this process sees."""
    text = read(root, "proc/self/mountinfo").text or ""
    return [mount for mount in parse_mountinfo(text) if mount.type == kind]


def tracefs_mount_points(root: str) -> list[str]:
    """Return the mount points of tracefs (Linux 4.1), and its directory below each debugfs."""
    points = [mount.point for mount in mounts_of_type(root, "tracefs")]
    return points + [f"{mount.point}/tracing" for mount in mounts_of_type(root, "debugfs")]


def cgroup2_mount_point(root: str) -> str | None:
    """Return the mount point of the root of the cgroup v2 hierarchy, or None where this process sees none."""
    return next((mount.point for mount in mounts_of_type(root, "cgroup2") if mount.part == "/"), None)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match.group(1), 8)), text)
