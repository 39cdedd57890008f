# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Store values that many hosts share once, and restore the values of each host."""

from __future__ import annotations

import typing as t

from .capabilities import Answer

__all__ = ["Answers", "facts_of_hosts", "group_hosts", "intern"]

Entry = t.Dict[str, t.Any]


class Answers:
    """A table of the distinct answers, in the order in which they were added."""

    def __init__(self) -> None:
        self.table: list[Answer] = []
        self._index: dict[tuple[str, str, str], int] = {}

    def number(self, answer: Answer) -> int:
        """Return the index of the answer in the table. Add it if the table does not have it."""
        key = (answer["answer"], answer["decided_by"], answer["reason"])
        if key not in self._index:
            self._index[key] = len(self.table)
            self.table.append(dict(answer))
        return self._index[key]


def intern(table: list[t.Dict[str, t.Any]], index: dict[str, int], value: dict[str, t.Any]) -> int:
    """Return the index of an equal value in the table. Add the value if there is none."""
    key = repr(value)
    if key not in index:
        index[key] = len(table)
        table.append(value)
    return index[key]


def group_hosts(hosts: t.Mapping[str, t.Iterable[Entry]]) -> list[Entry]:
    """Merge equal entries of several hosts into one with the list of these hosts, sorted by content."""
    found: dict[str, Entry] = {}
    for host, entries in hosts.items():
        for entry in entries:
            grouped = found.setdefault(repr(sorted(entry.items())), {**entry, "hosts": []})
            if not grouped["hosts"] or grouped["hosts"][-1] != host:
                grouped["hosts"].append(host)
    return [found[key] for key in sorted(found)]


def facts_of_hosts(fleet: t.Mapping[str, t.Any]) -> dict[str, Entry]:
    """Restore the facts of each host from a report, as far as values_of() reads them.

    :param fleet: a report as fleet_of() returns it
    :return: the facts by host name
    """
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
