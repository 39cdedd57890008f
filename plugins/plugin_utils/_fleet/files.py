# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The files of a report: what is written, and whether anything but the time is new."""

from __future__ import annotations

import json
import pathlib
import typing as t

from ...module_utils._errors import HostError
from .comparison import compare, same_findings
from .page import page_of
from .report import fleet_of
from .schema import parse_fleet

__all__ = ["fleet_files", "fleet_text"]


def fleet_files(
    hosts: t.Mapping[str, t.Mapping[str, t.Any]],
    *,
    groups: t.Mapping[str, t.Sequence[str]],
    existing: str,
    previous: str,
    previous_path: str,
    generated: str,
    templates: pathlib.Path,
) -> list[dict[str, str]]:
    """Name and content of each file.

    :param existing: text of the fleet.json that is overwritten, or nothing
    :param previous: text of the fleet.json that a person wants to compare with, or nothing
    """
    fleet = fleet_of(hosts, groups=groups, generated=generated)
    here = _if_usable(existing)
    earlier = parse_fleet(previous, path=previous_path) if previous else here
    if earlier is not None:
        fleet["comparison"] = compare(earlier, fleet)
    if here is not None and same_findings(here, fleet) and (not previous or _as_compared(here, fleet)):
        # What was found is what the file says already. It keeps its time and what it was compared with.
        fleet = here
    return [
        {"name": "fleet.json", "content": fleet_text(fleet)},
        {"name": "fleet.html", "content": page_of(fleet, templates=templates)},
    ]


def fleet_text(fleet: t.Mapping[str, t.Any]) -> str:
    """A report as text: a line for each part of a list, so that two of them can be compared by eye."""
    parts = []
    for key, value in fleet.items():
        if isinstance(value, list) and value:
            lines = ",\n  ".join(json.dumps(item, ensure_ascii=False) for item in value)
            parts.append(f"{json.dumps(key)}: [\n  {lines}\n ]")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n " + ",\n ".join(parts) + "\n}\n"


def _if_usable(text: str) -> dict[str, t.Any] | None:
    """The file that is there. What cannot be read is overwritten like nothing, since nobody named it."""
    try:
        return parse_fleet(text, path="fleet.json") if text.strip() else None
    except HostError:
        return None


def _as_compared(one: t.Mapping[str, t.Any], other: t.Mapping[str, t.Any]) -> bool:
    return bool(one["comparison"] == other["comparison"])
