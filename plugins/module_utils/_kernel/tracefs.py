# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read the probe events of tracefs (kprobe_events, uprobe_events), which BPF tools do not list."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t

from .._probe.files import Text, read
from .._probe.mounts import tracefs_mount_points

__all__ = ["Event", "Events", "parse_events", "parse_target_offset", "read_events"]

# The file, the first letters of the lines to take from it, and the kind of event. dynamic_events (Linux 5.0) has all
# kinds, and is the only file with fprobes (6.5).
_FILES = {
    "kprobe_events": ("pr", "kprobe"),
    "uprobe_events": ("pr", "uprobe"),
    "dynamic_events": ("ft", "fprobe"),
}
_LINE = re.compile(r"^([a-z])\d*:(?:([^/\s]+)/)?(\S+)\s+(\S+)(?:\s|$)")
_OFFSET = re.compile(r"^(.+?)\+(0x[0-9a-fA-F]+|\d+)$")


class Event(t.NamedTuple):
    """A probe event.

    ``definition``: its line in the file. ``enabled``: whether any trace instance records it, None where that could not
    be read.
    """

    kind: str
    group: str
    name: str
    target: str
    definition: str
    enabled: bool | None


class Events(t.NamedTuple):
    """The events, the mount point of tracefs, and the error where none could be read."""

    events: list[Event]
    tracefs: str | None
    error: str | None


def parse_events(text: str, *, kinds: str, kind: str) -> list[Event]:
    """Parse the lines ``p:group/name target arguments`` of an events file that begin with one of these letters."""
    found = []
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match and match.group(1) in kinds:
            found.append(
                Event(kind, match.group(2) or f"{kind}s", match.group(3), match.group(4), line.strip(), None)
            )
    return found


def parse_target_offset(target: str) -> tuple[str, int]:
    """Split a target such as ``module:symbol+0x10`` or ``/bin/sh:0x4000`` into symbol or path, and offset.

    The module is dropped.
    """
    if target.startswith("/"):
        path, dummy, offset = target.rpartition(":")
        # An offset may be followed by that of a reference counter, as in 0x4000(0x5000).
        number = offset.partition("(")[0]
        return (path, int(number, 16)) if re.fullmatch("0x[0-9a-fA-F]+", number) else (target, 0)
    symbol = target.rpartition(":")[2]
    match = _OFFSET.match(symbol)
    return (match.group(1), int(match.group(2), 0)) if match else (symbol, 0)


def read_events(root: str) -> Events:
    """Read the events of the first tracefs that can be read. All mounts show the same events."""
    error = "no tracefs is mounted"
    for point in tracefs_mount_points(root):
        base = point.lstrip("/")
        texts = {name: read(root, f"{base}/{name}") for name in _FILES}
        refused = [f"{point}/{name}: {text.error}" for name, text in texts.items() if text.error]
        if refused:
            error = refused[0]
        elif any(text.text is not None for text in texts.values()):
            return Events(_events(root, base, texts), point, None)
    return Events([], None, error)


def _events(root: str, base: str, texts: t.Mapping[str, Text]) -> list[Event]:
    found = []
    for name, (kinds, kind) in _FILES.items():
        for event in parse_events(texts[name].text or "", kinds=kinds, kind=kind):
            found.append(event._replace(enabled=_enabled(root, base, event)))
    return found


def _enabled(root: str, base: str, event: Event) -> bool | None:
    places = [base]
    instances = os.path.join(root, base, "instances")
    with contextlib.suppress(FileNotFoundError):
        places += [f"{base}/instances/{name}" for name in sorted(os.listdir(instances))]
    answers = [_enabled_in(root, f"{place}/events/{event.group}/{event.name}") for place in places]
    if any(answers):
        return True
    return None if answers[0] is None else False


def _enabled_in(root: str, path: str) -> bool | None:
    enable = read(root, f"{path}/enable").text
    trigger = read(root, f"{path}/trigger").text
    if enable is None:
        return None
    # "0*" and "1*" mean that a trigger soft-enabled it.
    if enable.strip() != "0":
        return True
    return any(line and not line.startswith("#") for line in (trigger or "").splitlines())
