# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Describe the Go programs of one host and of a fleet, with their builds, processes and sandboxes."""

from __future__ import annotations

import re
import typing as t

from ...module_utils._go_toolchain.index import sort_key
from .capabilities import answer_of

__all__ = [
    "builds_of",
    "go_builds",
    "go_processes",
    "go_versions",
    "processes_of",
    "unit_name",
    "version_key",
]

Entry = t.Dict[str, t.Any]
_CHANGING_NUMBER = re.compile(r"[0-9a-f]{12,}|(?<=^session-)\w+(?=\.scope)|(?<=^run-)\w+(?=\.)")
# Builds on two hosts are the same if these are equal.
_BUILD_KEYS = (
    "path",
    "module",
    "version",
    "go_version",
    "supported",
    "goarch",
    "goamd64",
    "pie",
    "static",
    "stripped",
    "cgo",
    "starts_here",
)
_PROCESS_KEYS = (
    "unit",
    "comm",
    "path",
    "root",
    "apparmor",
    "seccomp",
    "no_new_privs",
    "capabilities",
    "nofile",
    "memory_max",
    "gomemlimit",
    "stale",
)


def builds_of(binaries: t.Any) -> list[Entry]:
    """List the Go programs of one host, without values that change from run to run.

    :param binaries: ``binaries`` of go_binary_info, or None
    """
    found = []
    for binary in binaries if isinstance(binaries, (list, tuple)) else []:
        main = binary.get("main") or {}
        processes = binary.get("processes") or []
        found.append(
            {
                "path": str(binary.get("path") or ""),
                "module": str(main.get("path") or ""),
                "version": str(main.get("version") or ""),
                "go_version": str(binary.get("go_version") or ""),
                "supported": str(binary.get("supported") or "unknown"),
                **{
                    name: binary.get(name)
                    for name in ("goarch", "goamd64", "pie", "static", "stripped", "cgo")
                },
                "starts_here": answer_of(binary.get("starts_here")),
                "running": len(processes),
                "stale": sum(bool(process.get("deleted")) for process in processes),
            }
        )
    return sorted(found, key=lambda build: (build["path"], build["go_version"], build["version"]))


def processes_of(binaries: t.Any) -> list[Entry]:
    """List the running Go programs of one host with their sandboxes, equal processes of a unit once.

    :param binaries: ``binaries`` of go_binary_info, or None
    """
    found: list[Entry] = []
    for binary in binaries if isinstance(binaries, (list, tuple)) else []:
        for process in binary.get("processes") or []:
            entry = _process(str(binary.get("path") or ""), process)
            if entry not in found:
                found.append(entry)
    return sorted(
        found, key=lambda entry: (entry["unit"], entry["path"], str(sorted(entry.items(), key=str)))
    )


def _process(path: str, process: t.Mapping[str, t.Any]) -> Entry:
    limits = (process.get("limits") or {}).get("nofile")
    hard = limits.get("hard") if isinstance(limits, t.Mapping) else limits
    privileges = process.get("no_new_privs")
    return {
        "unit": unit_name(process.get("unit")),
        "comm": str(process.get("comm") or ""),
        "path": path,
        "root": process.get("uid") == 0 if process.get("uid") is not None else None,
        "apparmor": process.get("apparmor"),
        "seccomp": process.get("seccomp"),
        "no_new_privs": None if privileges is None else bool(privileges),
        "capabilities": _hex(process.get("capabilities")),
        "nofile": hard,
        "memory_max": (process.get("cgroup") or {}).get("memory_max"),
        "gomemlimit": (process.get("environment_go") or {}).get("GOMEMLIMIT"),
        "stale": bool(process.get("deleted")),
    }


def unit_name(unit: t.Any) -> str:
    """Replace the number of a session or container in a unit's name by ``*``, since it changes at each start."""
    return _CHANGING_NUMBER.sub("*", str(unit or ""))


def _hex(value: t.Any) -> str | None:
    """Format a set of capabilities, given as a number or in hexadecimal, without leading zeros."""
    try:
        return None if value is None else f"{value if isinstance(value, int) else int(str(value), 16):#x}"
    except ValueError:
        return None


def go_builds(hosts: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[Entry]:
    """List each build once, with its hosts, the number of its processes, and of those that run a replaced file."""
    return _group_equal(hosts, "builds", _BUILD_KEYS, sums=("running", "stale"))


def go_processes(hosts: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[Entry]:
    """List each running program once per sandbox, with its hosts."""
    return _group_equal(hosts, "processes", _PROCESS_KEYS, sums=())


def _group_equal(
    hosts: t.Mapping[str, t.Mapping[str, t.Any]], kind: str, keys: t.Sequence[str], *, sums: t.Sequence[str]
) -> list[Entry]:
    found: dict[str, Entry] = {}
    for host, facts in hosts.items():
        for item in facts.get(kind) or []:
            identity = {key: item.get(key) for key in keys}
            entry = found.setdefault(repr(identity), {**identity, **dict.fromkeys(sums, 0), "hosts": []})
            for name in sums:
                entry[name] += item.get(name) or 0
            if not entry["hosts"] or entry["hosts"][-1] != host:
                entry["hosts"].append(host)
    return [found[key] for key in sorted(found)]


def go_versions(builds: t.Sequence[Entry]) -> list[Entry]:
    """List each version of Go once, the newest first, with the number of its builds and with its hosts."""
    found: dict[str, Entry] = {}
    for build in builds:
        entry = found.setdefault(
            build["go_version"],
            {"go_version": build["go_version"], "supported": build["supported"], "builds": 0, "hosts": set()},
        )
        entry["builds"] += 1
        entry["hosts"].update(build["hosts"])
    newest = sorted(found.values(), key=lambda entry: version_key(entry["go_version"]), reverse=True)
    return [{**entry, "hosts": sorted(entry["hosts"])} for entry in newest]


def version_key(version: str) -> tuple[int, ...]:
    """Return a key that sorts ``go1.9 < go1.21rc2 < go1.21.0 < go1.21.10``.

    Text that is not a version sorts first.
    """
    # The experiments of the build follow after a space (GOEXPERIMENT).
    return sort_key(version.split(" ", maxsplit=1)[0])
