# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Make the files of a report, and keep the earlier content if only the time would change."""

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
    """Return the name and the content of fleet.json and fleet.html.

    :param hosts: the facts of each host, by host name
    :param groups: the host names of each group of the inventory
    :param existing: text of the fleet.json that will be overwritten, or empty
    :param previous: text of the fleet.json to compare with, or empty to compare with ``existing``
    :param previous_path: where ``previous`` comes from, for messages
    :param generated: time of the report, in UTC, as 2026-11-22T22:00:00Z
    :param templates: the directory with fleet.html.j2, fleet.css and fleet.js
    :raises HostError: if ``previous`` is not a report of this schema
    """
    fleet = fleet_of(hosts, groups=groups, generated=generated)
    current = _parse_existing(existing)
    earlier = parse_fleet(previous, path=previous_path) if previous else current
    if earlier is not None:
        fleet["comparison"] = compare(earlier, fleet)
    if (
        current is not None
        and same_findings(current, fleet)
        and (not previous or _same_comparison(current, fleet))
    ):
        # The existing file has the same content. Keep its time and its comparison.
        fleet = current
    return [
        {"name": "fleet.json", "content": fleet_text(fleet)},
        {"name": "fleet.html", "content": page_of(fleet, templates=templates)},
    ]


def fleet_text(fleet: t.Mapping[str, t.Any]) -> str:
    """Format a report as JSON with one line for each item of a list, so that two reports are easy to compare."""
    parts = []
    for key, value in fleet.items():
        if isinstance(value, list) and value:
            lines = ",\n  ".join(json.dumps(item, ensure_ascii=False) for item in value)
            parts.append(f"{json.dumps(key)}: [\n  {lines}\n ]")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n " + ",\n ".join(parts) + "\n}\n"


def _parse_existing(text: str) -> dict[str, t.Any] | None:
    """Parse the existing file, or return None if it is empty or unreadable, since it will be overwritten anyway."""
    try:
        return parse_fleet(text, path="fleet.json") if text.strip() else None
    except HostError:
        return None


def _same_comparison(one: t.Mapping[str, t.Any], other: t.Mapping[str, t.Any]) -> bool:
    return bool(one["comparison"] == other["comparison"])
