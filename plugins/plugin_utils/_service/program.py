# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Read what the module ``release`` reported about a program."""

from __future__ import annotations

import typing as t

__all__ = ["Program", "parse_program"]


class Program(t.NamedTuple):
    """One build of a program.

    sees_cpu_quota: whether its Go sets GOMAXPROCS from the CPU limit of its cgroup; None where that is unknown
    interpreter: the dynamic loader, or an empty string for a static program
    search: the directories in which the program lets the loader search for libraries
    """

    version: str
    sees_cpu_quota: bool | None
    interpreter: str
    search: list[str]


def parse_program(reported: t.Any) -> Program:
    """Return the program of a release.

    :param reported: what ``release`` returned for it, or only its version
    """
    if not isinstance(reported, t.Mapping):
        return Program(str(reported or ""), None, "", [])
    program = reported.get("program") or {}
    return Program(
        version=reported["version"],
        sees_cpu_quota=program.get("sees_cpu_quota"),
        interpreter=program.get("interpreter") or "",
        search=list(program.get("search") or []),
    )
