# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Reduce the results of the probing modules on one host to facts that do not change from run to run."""

from __future__ import annotations

import typing as t

from .capabilities import Result, capabilities_of, mapping_of
from .go import builds_of, processes_of, unit_name
from .schema import SCHEMA

__all__ = ["ANSWERED", "KERNEL_NAMES", "MODULES", "host_facts", "no_facts"]

# The key that a module returns on success. failed_when: false hides a failure, so the key shows whether it worked.
MODULES = {
    "kernel_info": "capabilities",
    "io_uring_info": "setup",
    "ebpf_info": "programs",
    "ebpf_inventory_info": "findings",
    "go_binary_info": "binaries",
    "kernel_symbol_info": "symbols",
}
ANSWERED = ("answered", "partly")
_KERNEL = {"release": ("release", "release"), "machine": ("release", "machine"), "cgroup": ("cgroup", "mode")}
KERNEL_NAMES = ("release", "machine", "cgroup", "lsm", "lockdown", "goarch", "level", "thp", "clocksource")
# Counters among the sysctl keys, which change all the time.
_COUNTERS = {
    "fs.dentry-state",
    "fs.file-nr",
    "fs.inode-nr",
    "fs.inode-state",
    "net.netfilter.nf_conntrack_count",
}


def no_facts(state: str, *, problems: t.Sequence[t.Mapping[str, str]] = ()) -> dict[str, t.Any]:
    """Return the facts of a host without answers, in the given state."""
    return {
        "schema": SCHEMA,
        "state": state,
        "problems": [dict(problem) for problem in problems],
        "kernel": {},
        "capabilities": {},
        "sysctl": {},
        "overridden": [],
        "builds": [],
        "processes": [],
        "ebpf": {"findings": [], "units": {}},
        "fixes": {},
    }


def host_facts(results: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the facts of one host, as the fact ``gofleet`` holds them.

    :param results: the registered result of each module, by the short name of the module
    """
    given = {name: result for name, result in results.items() if isinstance(result, t.Mapping)}
    ran = {name: given[name] for name in MODULES if name in given and not given[name].get("skipped")}
    problems = [problem for name, result in ran.items() for problem in _problems(name, result)]
    answered = {name: result for name, result in ran.items() if result.get(MODULES[name]) is not None}
    if not answered:
        unreachable = not ran or any(result.get("unreachable") for result in ran.values())
        return no_facts("unreachable" if unreachable else "failed", problems=problems)
    values = mapping_of(answered.get("kernel_info", {}).get("values"))
    binaries = answered.get("go_binary_info", {}).get("binaries")
    return {
        "schema": SCHEMA,
        "state": "partly" if problems else "answered",
        "problems": problems,
        "kernel": _kernel(values),
        "capabilities": capabilities_of(answered),
        "sysctl": {
            key: _setting(value)
            for key, value in sorted(mapping_of(values.get("sysctl")).items())
            if key not in _COUNTERS
        },
        "overridden": _overridden(values),
        "builds": builds_of(binaries),
        "processes": processes_of(binaries),
        "ebpf": _ebpf(answered.get("ebpf_inventory_info", {})),
        "fixes": _fixes(answered.get("ebpf_info", {})),
    }


def _problems(module: str, result: Result) -> list[dict[str, str]]:
    if result.get(MODULES[module]) is not None:
        return []
    lines = str(result.get("msg") or "no answer").strip().splitlines()
    return [{"module": module, "message": lines[0][:500]}]


def _kernel(values: Result) -> dict[str, t.Any]:
    """Select the main properties of the kernel, without those that the module did not return."""
    lsm, cpu, clock = (mapping_of(values.get(name)) for name in ("lsm", "cpu", "clock"))
    active = lsm.get("active")
    properties = {
        **{name: mapping_of(values.get(subset)).get(key) for name, (subset, key) in _KERNEL.items()},
        "lsm": ", ".join(active) if isinstance(active, (list, tuple)) else active,
        "lockdown": lsm.get("lockdown"),
        "goarch": cpu.get("goarch"),
        "level": cpu.get("level"),
        "thp": mapping_of(values.get("thp")).get("enabled"),
        "clocksource": clock.get("current") or clock.get("clocksource"),
    }
    return {name: str(value) for name, value in properties.items() if value is not None}


def _overridden(values: Result) -> list[dict[str, t.Any]]:
    """List the sysctl values that a boot will change."""
    origins = mapping_of(values.get("sysctl_origin"))
    return [
        {
            "key": key,
            "live": _text(origin.get("live")),
            "boot": _text(origin.get("boot_value")),
            "file": _text(origin.get("file")),
            "wins": _text(origin.get("wins")),
            "reason": str(origin.get("reason") or ""),
        }
        for key, origin in sorted(origins.items())
        if mapping_of(origin).get("overridden")
    ]


def _ebpf(inventory: Result) -> dict[str, t.Any]:
    findings = [
        {key: str(finding.get(key) or "") for key in ("kind", "object", "name", "unit", "reason", "remedy")}
        for finding in inventory.get("findings") or []
    ]
    units = {
        unit_name(unit): {kind: int(counts.get(kind) or 0) for kind in ("programs", "maps", "links")}
        for unit, counts in sorted(mapping_of(inventory.get("by_unit")).items())
    }
    return {"findings": sorted(findings, key=lambda finding: tuple(finding.values())), "units": units}


def _fixes(ebpf: Result) -> dict[str, str]:
    """Return the fix of each unsupported profile that has one, by profile."""
    profiles = mapping_of(ebpf.get("profiles"))
    return {
        name: str(profile["fix"])
        for name, profile in sorted(profiles.items())
        if profile.get("answer") == "no" and profile.get("fix")
    }


def _setting(value: t.Any) -> str | None:
    """Format a value as sysctl prints it, with several fields separated by spaces."""
    return " ".join(str(field) for field in value) if isinstance(value, (list, tuple)) else _text(value)


def _text(value: t.Any) -> str | None:
    return None if value is None else str(value)
