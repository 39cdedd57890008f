# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Probe events made by hand: kprobe_events and uprobe_events of tracefs, which no BPF tool lists."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t

from .._probe.files import Text, read
from .._probe.mounts import tracefs_mount_points

__all__ = ["Event", "Events", "parse_events", "parse_place", "read_events"]

# The file, the kinds of lines to take from it, and what they make. dynamic_events (Linux 5.0) has all kinds, and alone
# has those of fprobes (6.5).
_FILES = {
    "kprobe_events": ("pr", "kprobe"),
    "uprobe_events": ("pr", "uprobe"),
    "dynamic_events": ("ft", "fprobe"),
}
_LINE = re.compile(r"^([a-z])\d*:(?:([^/\s]+)/)?(\S+)\s+(\S+)(?:\s|$)")
_OFFSET = re.compile(r"^(.+?)\+(0x[0-9a-fA-F]+|\d+)$")


class Event(t.NamedTuple):
    """A line. ``enabled`` by anybody who reads the trace, in any instance; None: could not be read."""

    kind: str
    group: str
    name: str
    target: str
    definition: str
    enabled: bool | None


class Events(t.NamedTuple):
    """The events, where the tracefs is, and why there is none."""

    events: list[Event]
    tracefs: str | None
    error: str | None


def parse_events(text: str, *, kinds: str, kind: str) -> list[Event]:
    """The lines of an events file, ``p:group/name target arguments``, of these first letters."""
    found = []
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match and match.group(1) in kinds:
            found.append(
                Event(kind, match.group(2) or f"{kind}s", match.group(3), match.group(4), line.strip(), None)
            )
    return found


def parse_place(target: str) -> tuple[str, int]:
    """Symbol or path, and offset: ``module:symbol+0x10``, ``/bin/sh:0x4000``; without the module."""
    if target.startswith("/"):
        path, dummy, offset = target.rpartition(":")
        # A place may be followed by its reference counter: 0x4000(0x5000).
        number = offset.partition("(")[0]
        return (path, int(number, 16)) if re.fullmatch("0x[0-9a-fA-F]+", number) else (target, 0)
    symbol = target.rpartition(":")[2]
    match = _OFFSET.match(symbol)
    return (match.group(1), int(match.group(2), 0)) if match else (symbol, 0)


def read_events(root: str) -> Events:
    """Read the events of the first tracefs that can be read. All mounts show the same ones."""
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
    # "0*" and "1*": a trigger has it on softly.
    if enable.strip() != "0":
        return True
    return any(line and not line.startswith("#") for line in (trigger or "").splitlines())
