# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The Go programs of one host, and of many: builds, who runs them, and in what sandbox."""

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

Found = t.Dict[str, t.Any]
_NUMBERED = re.compile(r"[0-9a-f]{12,}|(?<=^session-)\w+(?=\.scope)|(?<=^run-)\w+(?=\.)")
# A build is the same on two hosts if these are.
_BUILD = (
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
_PROCESS = (
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


def builds_of(binaries: t.Any) -> list[Found]:
    """The Go programs that go_binary_info found on one host, without what differs from run to run."""
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


def processes_of(binaries: t.Any) -> list[Found]:
    """The running Go programs of one host with the sandbox that each really has; alike ones of a unit once."""
    found: list[Found] = []
    for binary in binaries if isinstance(binaries, (list, tuple)) else []:
        for process in binary.get("processes") or []:
            one = _process(str(binary.get("path") or ""), process)
            if one not in found:
                found.append(one)
    return sorted(found, key=lambda one: (one["unit"], one["path"], str(sorted(one.items(), key=str))))


def _process(path: str, process: t.Mapping[str, t.Any]) -> Found:
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
    """A unit without the number of its session or container, which is another one after each start."""
    return _NUMBERED.sub("*", str(unit or ""))


def _hex(value: t.Any) -> str | None:
    """A set of capabilities as the kernel counts them; any length of zeros in front is the same set."""
    try:
        return None if value is None else f"{value if isinstance(value, int) else int(str(value), 16):#x}"
    except ValueError:
        return None


def go_builds(hosts: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[Found]:
    """Each build once, with its hosts, the count of its processes and of those that run an older file."""
    return _alike(hosts, "builds", _BUILD, sums=("running", "stale"))


def go_processes(hosts: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[Found]:
    """Each running program with the same sandbox once, with its hosts."""
    return _alike(hosts, "processes", _PROCESS, sums=())


def _alike(
    hosts: t.Mapping[str, t.Mapping[str, t.Any]], kind: str, keys: t.Sequence[str], *, sums: t.Sequence[str]
) -> list[Found]:
    found: dict[str, Found] = {}
    for host, facts in hosts.items():
        for one in facts.get(kind) or []:
            identity = {key: one.get(key) for key in keys}
            entry = found.setdefault(repr(identity), {**identity, **dict.fromkeys(sums, 0), "hosts": []})
            for name in sums:
                entry[name] += one.get(name) or 0
            if not entry["hosts"] or entry["hosts"][-1] != host:
                entry["hosts"].append(host)
    return [found[key] for key in sorted(found)]


def go_versions(builds: t.Sequence[Found]) -> list[Found]:
    """Each version of Go once, newest first, with the count of its builds and its hosts."""
    found: dict[str, Found] = {}
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
    """Orders ``go1.9 < go1.21rc2 < go1.21.0 < go1.21.10``; what is no version comes first."""
    # Behind a blank stand the experiments that it was built with.
    return sort_key(version.split(" ", maxsplit=1)[0])
