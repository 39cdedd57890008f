# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Build the report of a fleet, which is written as fleet.json."""

from __future__ import annotations

import typing as t

from .advice import advice
from .classes import Answers, group_hosts, intern
from .drift import drift
from .go import go_builds, go_processes, go_versions
from .host import ANSWERED
from .schema import SCHEMA

__all__ = ["fleet_of"]

Facts = t.Mapping[str, t.Any]
_BUILT_IN_GROUPS = ("all", "ungrouped")


def fleet_of(
    hosts: t.Mapping[str, Facts], *, groups: t.Mapping[str, t.Sequence[str]], generated: str
) -> dict[str, t.Any]:
    """Return the report of one run, without a comparison.

    :param hosts: the facts of each host, by host name
    :param groups: the host names of each group of the inventory
    :param generated: time of the run, in UTC, as 2026-11-22T22:00:00Z
    :return: a dictionary by docs/fleet.schema.json
    """
    hosts = {host: hosts[host] for host in sorted(hosts)}
    answered = {host: facts for host, facts in hosts.items() if facts["state"] in ANSWERED}
    groups = {group: names for group, names in groups.items() if group not in _BUILT_IN_GROUPS}
    members = {group: set(names) for group, names in groups.items()}
    drifts = drift(answered, groups)
    builds = go_builds(answered)
    tables = _Tables()
    rows = [_host(name, facts, members, tables) for name, facts in hosts.items()]
    return {
        "schema": SCHEMA,
        "generated": generated,
        "summary": _summary([facts["state"] for facts in hosts.values()]),
        "advice": advice(hosts, drifts),
        "comparison": None,
        "hosts": rows,
        "answers": tables.answers.table,
        "classes": [
            {"capabilities": one, "hosts": [row["name"] for row in rows if row["class"] == number]}
            for number, one in enumerate(tables.classes)
        ],
        "settings": tables.settings,
        "go": {"versions": go_versions(builds), "builds": builds, "processes": go_processes(answered)},
        "sysctl_at_boot": group_hosts({host: facts["overridden"] for host, facts in answered.items()}),
        "drift": drifts,
        "ebpf": {
            "findings": group_hosts({host: facts["ebpf"]["findings"] for host, facts in answered.items()}),
            "units": _units(answered),
        },
    }


def _summary(states: list[str]) -> dict[str, int]:
    counted = ("answered", "partly", "failed", "unreachable")
    return {"hosts": len(states), **{state: states.count(state) for state in counted}}


class _Tables:
    """The tables of values that many hosts share, each value once."""

    def __init__(self) -> None:
        self.answers = Answers()
        self.classes: list[dict[str, int]] = []
        self.settings: list[dict[str, t.Any]] = []
        self._class_index: dict[str, int] = {}
        self._setting_index: dict[str, int] = {}

    def class_of(self, facts: Facts) -> int | None:
        """Return the index of the host's set of answers, or None if it has no answers."""
        numbers = {name: self.answers.number(one) for name, one in facts["capabilities"].items()}
        return intern(self.classes, self._class_index, numbers) if numbers else None

    def setting_of(self, facts: Facts) -> int | None:
        """Return the index of the host's sysctl values, or None if it has none."""
        return intern(self.settings, self._setting_index, dict(facts["sysctl"])) if facts["sysctl"] else None


def _host(
    name: str, facts: Facts, groups: t.Mapping[str, t.Collection[str]], tables: _Tables
) -> dict[str, t.Any]:
    return {
        "name": name,
        "groups": sorted(group for group, members in groups.items() if name in members),
        "state": facts["state"],
        "problems": facts["problems"],
        "kernel": facts["kernel"],
        "class": tables.class_of(facts),
        "sysctl": tables.setting_of(facts),
    }


def _units(hosts: t.Mapping[str, Facts]) -> list[dict[str, t.Any]]:
    """Add up the eBPF objects of each unit over the hosts."""
    found: dict[str, dict[str, t.Any]] = {}
    for host, facts in hosts.items():
        for unit, counts in facts["ebpf"]["units"].items():
            entry = found.setdefault(unit, {"unit": unit, "programs": 0, "maps": 0, "links": 0, "hosts": []})
            for kind in ("programs", "maps", "links"):
                entry[kind] += counts[kind]
            entry["hosts"].append(host)
    return [found[unit] for unit in sorted(found)]
