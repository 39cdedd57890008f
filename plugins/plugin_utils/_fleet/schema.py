# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The version of fleet.json, and the reading of an earlier one."""

from __future__ import annotations

import json
import typing as t

from ...module_utils._errors import HostError

__all__ = ["SCHEMA", "parse_fleet"]

# Goes up when a key is renamed, removed or changes its meaning; docs/fleet.schema.json says what each key is.
SCHEMA = 1
# What a comparison reads of an earlier file.
_READ = (
    "generated",
    "hosts",
    "answers",
    "classes",
    "settings",
    "go",
    "sysctl_at_boot",
    "drift",
    "ebpf",
    "comparison",
)


def parse_fleet(text: str, *, path: str) -> dict[str, t.Any]:
    """An earlier fleet.json out of its text. HostError where it is none, or one of another schema."""
    try:
        fleet = json.loads(text)
    except ValueError as error:
        raise HostError(
            path,
            wanted="the fleet.json of an earlier run",
            found=f"no JSON ({error})",
            remedy="Name the right file in probe_previous, or leave the variable out.",
        )
    schema = fleet.get("schema") if isinstance(fleet, dict) else None
    if schema != SCHEMA:
        raise HostError(
            path,
            wanted=f"the fleet.json of an earlier run with schema {SCHEMA}",
            found="a file without a schema" if schema is None else f"schema {schema}",
            remedy="Compare with a file that this version of the collection wrote, or leave probe_previous out.",
        )
    missing = [key for key in _READ if key not in fleet]
    if missing:
        raise HostError(
            path,
            wanted="the whole fleet.json of an earlier run",
            found=f"a file without {', '.join(missing)}",
            remedy="Name a file as the playbook wrote it, or leave probe_previous out.",
        )
    return t.cast("dict[str, t.Any]", fleet)
