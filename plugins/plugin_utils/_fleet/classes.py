# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Equal things of many hosts kept once, and given back to each host."""

from __future__ import annotations

import typing as t

from .capabilities import Answer

__all__ = ["Answers", "facts_of_hosts", "group_hosts", "intern"]

Entry = t.Dict[str, t.Any]


class Answers:
    """Each distinct answer once, by the order in which it was met."""

    def __init__(self) -> None:
        self.table: list[Answer] = []
        self._index: dict[tuple[str, str, str], int] = {}

    def number(self, answer: Answer) -> int:
        key = (answer["answer"], answer["decided_by"], answer["reason"])
        if key not in self._index:
            self._index[key] = len(self.table)
            self.table.append(dict(answer))
        return self._index[key]


def intern(table: list[t.Dict[str, t.Any]], index: dict[str, int], value: dict[str, t.Any]) -> int:
    """The place of an equal value in the table, which is where it is put if there is none."""
    key = repr(value)
    if key not in index:
        index[key] = len(table)
        table.append(value)
    return index[key]


def group_hosts(hosts: t.Mapping[str, t.Iterable[Entry]]) -> list[Entry]:
    """Equal entries of several hosts as one with the hosts, sorted by what they say."""
    found: dict[str, Entry] = {}
    for host, entries in hosts.items():
        for entry in entries:
            grouped = found.setdefault(repr(sorted(entry.items())), {**entry, "hosts": []})
            if not grouped["hosts"] or grouped["hosts"][-1] != host:
                grouped["hosts"].append(host)
    return [found[key] for key in sorted(found)]


def facts_of_hosts(fleet: t.Mapping[str, t.Any]) -> dict[str, Entry]:
    """What a fleet.json says of each host, as the values of that host can be made from."""
    classes = [
        {name: fleet["answers"][number] for name, number in one["capabilities"].items()}
        for one in fleet["classes"]
    ]
    facts: dict[str, Entry] = {
        host["name"]: {
            "state": host["state"],
            "kernel": host["kernel"],
            "sysctl": {} if host["sysctl"] is None else fleet["settings"][host["sysctl"]],
            "capabilities": {} if host["class"] is None else classes[host["class"]],
            "overridden": [],
            "builds": [],
            "processes": [],
            "findings": [],
        }
        for host in fleet["hosts"]
    }
    shared = {
        "overridden": fleet["sysctl_at_boot"],
        "builds": fleet["go"]["builds"],
        "processes": fleet["go"]["processes"],
        "findings": fleet["ebpf"]["findings"],
    }
    for kind, entries in shared.items():
        for entry in entries:
            for host in entry["hosts"]:
                facts[host][kind].append(entry)
    return facts
