# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Prepare a report for the page.

To keep the page small, hosts have numbers, equal hosts share a column, and long lists of hosts are cut.
"""

from __future__ import annotations

import json
import typing as t

from .advice_form import SEVERITIES
from .capabilities import AREAS
from .columns import Column, columns_of, rows_of
from .host import KERNEL_NAMES
from .values import KINDS

__all__ = ["Hosts", "data_of", "view_of"]

Fleet = t.Mapping[str, t.Any]
_MAX_NAMES = 12  # the script completes a longer list of hosts when it is opened
_MAX_COLUMNS = 24  # the script adds the other columns


class Hosts:
    """The hosts of a report, which the page refers to by number."""

    def __init__(self, names: t.Sequence[str]) -> None:
        self.names = list(names)
        self._number = {name: number for number, name in enumerate(self.names)}

    def ranges(self, hosts: t.Iterable[str]) -> str:
        """Return the numbers of the hosts as ranges, for example ``0-3,7``."""
        runs: list[list[int]] = []
        for number in sorted(self._number[host] for host in hosts):
            if runs and number == runs[-1][1] + 1:
                runs[-1][1] = number
            else:
                runs.append([number, number])
        return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)

    def excerpt(self, hosts: t.Sequence[str]) -> dict[str, t.Any]:
        """Return the number of hosts, the first names, and all hosts as ranges."""
        return {
            "ranges": self.ranges(hosts),
            "count": len(hosts),
            "names": list(hosts[:_MAX_NAMES]),
            "more": max(0, len(hosts) - _MAX_NAMES),
        }


def view_of(fleet: Fleet) -> dict[str, t.Any]:
    """Return the variables of the template fleet.html.j2."""
    hosts = Hosts([host["name"] for host in fleet["hosts"]])
    return {
        "schema": fleet["schema"],
        "generated": _format_time(fleet["generated"]),
        "summary": fleet["summary"],
        "groups": sorted({group for host in fleet["hosts"] for group in host["groups"]}),
        "advice": [{**item, "where": hosts.excerpt(item["hosts"])} for item in fleet["advice"]],
        "severities": SEVERITIES,
        "changes": _changes(fleet["comparison"], hosts),
        **_matrix(fleet, hosts),
        **_go(fleet["go"], hosts),
        "at_boot": _with_hosts(fleet["sysctl_at_boot"], hosts),
        "drift": [
            {**one, "kind": KINDS[one["kind"]], "values": _with_hosts(one["values"], hosts)}
            for one in fleet["drift"]
        ],
        "findings": _with_hosts(fleet["ebpf"]["findings"], hosts),
        "units": _with_hosts(fleet["ebpf"]["units"], hosts),
        "hosts_rows": _host_rows(fleet),
    }


def _matrix(fleet: Fleet, hosts: Hosts) -> dict[str, t.Any]:
    columns = columns_of(fleet)
    rows = rows_of(fleet, columns, hosts)
    areas = [(title, [row for row in rows if row["area"] == area]) for area, title in AREAS.items()]
    differing = [(title, [row for row in rows if not row["everywhere"]]) for title, rows in areas]
    everywhere = [(title, [row["name"] for row in rows if row["everywhere"]]) for title, rows in areas]
    return {
        "areas": [(title, rows) for title, rows in differing if rows],
        "everywhere": [(title, names) for title, names in everywhere if names],
        "capabilities": len(rows),
        "columns": [
            {"label": column.label, "where": hosts.excerpt(column.hosts)} for column in columns[:_MAX_COLUMNS]
        ],
        "columns_in_all": len(columns),
    }


def _go(go: Fleet, hosts: Hosts) -> dict[str, t.Any]:
    return {
        "versions": _with_hosts(go["versions"], hosts),
        "builds": _with_hosts(go["builds"], hosts),
        "processes": _with_hosts(go["processes"], hosts),
    }


def _host_rows(fleet: Fleet) -> list[dict[str, t.Any]]:
    advice_counts = _count_advice(fleet)
    return [
        {
            **host,
            "kernel": {**dict.fromkeys(KERNEL_NAMES, ""), **host["kernel"]},
            "confinement": _confinement(host["kernel"].get("lsm")),
            "number": number,
            "to_do": advice_counts.get(host["name"], 0),
        }
        for number, host in enumerate(fleet["hosts"])
    ]


def data_of(fleet: Fleet) -> str:
    """Return the data of the script as JSON.

    ``<``, ``>`` and ``&`` are escaped, so that no text in the data can end the script element.
    """
    hosts = Hosts([host["name"] for host in fleet["hosts"]])
    columns = columns_of(fleet)
    groups: dict[str, list[str]] = {}
    for host in fleet["hosts"]:
        for group in host["groups"]:
            groups.setdefault(group, []).append(host["name"])
    data = {
        "hosts": hosts.names,
        "groups": {group: hosts.ranges(members) for group, members in sorted(groups.items())},
        "columns": [{"label": column.label, "hosts": hosts.ranges(column.hosts)} for column in columns],
        "shown": _MAX_COLUMNS,
        **_cells(columns),
    }
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _cells(columns: t.Sequence[Column]) -> dict[str, t.Any]:
    """Return the distinct answers, and for each capability the index of the answer in each column."""
    kinds: dict[tuple[str, str], int] = {}
    rows: dict[str, list[int]] = {}
    names = sorted({name for column in columns for name in column.answers})
    for name in names:
        rows[name] = [
            kinds.setdefault(column.answers[name], len(kinds)) if name in column.answers else -1
            for column in columns
        ]
    return {"kinds": [list(kind) for kind in kinds], "rows": rows}


def _with_hosts(entries: t.Iterable[t.Mapping[str, t.Any]], hosts: Hosts) -> list[dict[str, t.Any]]:
    return [{**entry, "where": hosts.excerpt(entry["hosts"])} for entry in entries]


def _confinement(lsm: str | None) -> str:
    """Select the security modules that confine programs by a policy."""
    if lsm is None:
        return ""
    return (
        ", ".join(name for name in lsm.split(", ") if name in ("apparmor", "selinux", "smack")) or "neither"
    )


def _format_time(generated: str) -> str:
    """Format a time to the minute, as 2026-11-22 22:00 UTC."""
    return generated[:16].replace("T", " ") + " UTC"


def _count_advice(fleet: Fleet) -> dict[str, int]:
    """Count the pieces of advice for each host."""
    counts: dict[str, int] = {}
    for item in fleet["advice"]:
        for host in item["hosts"]:
            counts[host] = counts.get(host, 0) + 1
    return counts


def _changes(comparison: t.Mapping[str, t.Any] | None, hosts: Hosts) -> dict[str, t.Any] | None:
    if comparison is None:
        return None
    return {
        **comparison,
        "previous": _format_time(comparison["previous"]),
        "changes": [
            {**change, "kind": KINDS[change["kind"]]} for change in _with_hosts(comparison["changes"], hosts)
        ],
        "added": hosts.excerpt(comparison["hosts_added"]),
    }
