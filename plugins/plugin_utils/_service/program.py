# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""What is known of a program once its release has been looked at."""

from __future__ import annotations

import typing as t

__all__ = ["Program", "read_program"]


class Program(t.NamedTuple):
    """One build. ``sees_cpu_quota``: whether its Go takes GOMAXPROCS from its cgroup, None where nobody can tell."""

    version: str
    sees_cpu_quota: bool | None
    interpreter: str  # the loader it names, "" for a static one
    search: list[str]  # where it tells the loader to look for libraries


def read_program(told: t.Any) -> Program:
    """
    :param told: what ``release`` returned for a program, or its version alone
    """
    if not isinstance(told, t.Mapping):
        return Program(str(told or ""), None, "", [])
    program = told.get("program") or {}
    return Program(
        version=told["version"],
        sees_cpu_quota=program.get("sees_cpu_quota"),
        interpreter=program.get("interpreter") or "",
        search=list(program.get("search") or []),
    )
