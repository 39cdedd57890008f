# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Judge whether a probe event of tracefs is in use."""

from __future__ import annotations

import errno
import typing as t

from .._kernel.tracefs import Event, parse_target_offset
from .._probe.answer import Probe, no, unknown, yes
from .objects import Objects
from .owners import Owners
from .query import PerfUse

__all__ = ["event_use"]

_GONE = (errno.EBADF, errno.ESRCH)


def event_use(event: Event, objects: Objects, owners: Owners, perf: t.Sequence[PerfUse]) -> Probe:
    """Judge whether an event is traced, or used by a perf event or a link. No only where all of these were read."""
    if event.enabled:
        return yes("kernel", "it is enabled, or a trigger uses it")
    place = parse_target_offset(event.target)
    for use in perf:
        if _same(event.kind, use.event) and (use.name, use.offset) == place:
            return yes("kernel", f"process {use.pid} has a perf event on it with program {use.program}")
    for link in objects.links.values():
        if _same(event.kind, link.target.event) and (link.target.name, link.target.offset or 0) == place:
            return yes("kernel", f"link {link.id} is attached to it")
    hidden = _hidden(event, objects, owners, perf)
    if hidden is not None:
        return unknown("kernel", f"it is not enabled, but {hidden}")
    return no("kernel", "it is not enabled, and no perf event or link is attached to it")


def _same(kind: str, event: str | None) -> bool:
    return event is not None and event.replace("retprobe", "probe") == kind


def _hidden(event: Event, objects: Objects, owners: Owners, perf: t.Sequence[PerfUse]) -> str | None:
    if event.enabled is None:
        return "its enable file could not be read"
    if "LINK" in objects.refused:
        return "links cannot be listed"
    if owners.denied:
        return f"process {owners.denied[0]} may have a perf event on it, and its descriptors cannot be read"
    links = (
        one for one in objects.links.values() if one.type == "perf_event" and one.target.event != "event"
    )
    reasons = [
        f"link {one.id} has a perf event whose name this kernel does not show"
        for one in links
        if one.target.name is None
    ]
    reasons += [
        f"process {use.pid} has a perf event that may be on it, and the kernel does not show its target"
        for use in perf
        if use.name is None and use.errno not in _GONE
    ]
    return reasons[0] if reasons else None
