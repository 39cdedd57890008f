# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Define the version of fleet.json, and parse an earlier file."""

from __future__ import annotations

import json
import typing as t

from ...module_utils._errors import HostError

__all__ = ["SCHEMA", "parse_fleet"]

# Increase it when a key is renamed, is removed or changes its meaning. docs/fleet.schema.json describes each key.
SCHEMA = 1
# The keys that a comparison reads from an earlier file.
_REQUIRED_KEYS = (
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
    """Parse the text of an earlier fleet.json.

    :param path: where the text comes from, for messages
    :raises HostError: if it is not a complete fleet.json of this schema
    """
    try:
        fleet = json.loads(text)
    except ValueError as error:
        raise HostError(
            path,
            wanted="the fleet.json of an earlier run",
            found=f"invalid JSON ({error})",
            remedy="Correct the path in probe_previous, or omit the variable.",
        )
    schema = fleet.get("schema") if isinstance(fleet, dict) else None
    if schema != SCHEMA:
        raise HostError(
            path,
            wanted=f"the fleet.json of an earlier run with schema {SCHEMA}",
            found="a file without a schema" if schema is None else f"schema {schema}",
            remedy="Compare with a file that this version of the collection wrote, or omit probe_previous.",
        )
    missing = [key for key in _REQUIRED_KEYS if key not in fleet]
    if missing:
        raise HostError(
            path,
            wanted="the complete fleet.json of an earlier run",
            found=f"a file without {', '.join(missing)}",
            remedy="Name a file that the playbook wrote, or omit probe_previous.",
        )
    return t.cast("dict[str, t.Any]", fleet)
