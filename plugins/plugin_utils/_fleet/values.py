# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""List the values of a host that are compared with other hosts and with earlier runs."""

from __future__ import annotations

import typing as t

__all__ = ["KINDS", "NOT_THERE", "Subject", "answer_text", "sandbox_text", "values_of"]

# The kind of a value (a key of KINDS) and its name.
Subject = t.Tuple[str, str]
NOT_THERE = "not there"
KINDS = {
    "host": "Host",
    "kernel": "Kernel",
    "sysctl": "sysctl",
    "boot": "sysctl at boot",
    "build": "Go build",
    "sandbox": "Sandbox",
    "ebpf": "eBPF finding",
    "capability": "Capability",
}


def values_of(facts: t.Mapping[str, t.Any]) -> dict[Subject, str]:
    """Return the values of one host as short texts, by kind and name."""
    found: dict[Subject, str] = {}
    for name, value in facts["kernel"].items():
        found["kernel", name] = value
    for key, value in facts["sysctl"].items():
        found["sysctl", key] = NOT_THERE if value is None else value
    for entry in facts["overridden"]:
        found["boot", entry["key"]] = (
            f"{entry['boot'] or 'the default of the kernel'} by {entry['wins'] or 'no file'}"
        )
    for build in facts["builds"]:
        found["build", build["path"]] = " ".join(
            text for text in (build["version"], f"({build['go_version']})") if text
        )
    for process in facts["processes"]:
        found["sandbox", process["unit"] or process["path"]] = sandbox_text(process)
    for finding in facts.get("findings", []):
        found["ebpf", f"{finding['kind']} {finding['name'] or finding['object']}"] = "found"
    for name, answer in facts["capabilities"].items():
        found["capability", name] = answer_text(answer)
    return found


def answer_text(answer: t.Mapping[str, str]) -> str:
    """Format an answer, with the layer that decided in brackets unless it is the kernel."""
    if answer["decided_by"] == "kernel":
        return answer["answer"]
    return f"{answer['answer']} ({answer['decided_by']})"


def sandbox_text(process: t.Mapping[str, t.Any]) -> str:
    """Describe the sandbox of a process in one line."""
    profile = process["apparmor"] or "no AppArmor"
    seccomp = {0: "no seccomp", 1: "strict seccomp", 2: "seccomp filter"}.get(
        process["seccomp"], "seccomp unknown"
    )
    privileges = {True: "no new privileges", False: "may gain privileges"}.get(
        process["no_new_privs"], "privileges unknown"
    )
    return f"{profile}, {seccomp}, {privileges}{', root' if process['root'] else ''}"
