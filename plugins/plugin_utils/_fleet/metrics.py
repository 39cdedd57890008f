# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Format the facts of a host in the text format of Prometheus."""

from __future__ import annotations

import collections
import typing as t

__all__ = ["metrics_of"]

Labels = t.Mapping[str, str]
# The name of a metric without its prefix, its help text, and its samples.
Family = t.Tuple[str, str, t.Iterable[t.Tuple[Labels, int]]]


def metrics_of(facts: t.Mapping[str, t.Any]) -> str:
    """Return the text of a file for the textfile collector of the node exporter.

    :param facts: the facts of the host, as host_facts() returns them
    """
    families = [*_kernel_families(facts), *_go_families(facts["builds"]), *_probe_families(facts)]
    return "".join(_family(f"gofleet_{name}", text, samples) for name, text, samples in families)


def _kernel_families(facts: t.Mapping[str, t.Any]) -> list[Family]:
    answers = [
        ({"capability": name, "answer": answer["answer"], "decided_by": answer["decided_by"]}, 1)
        for name, answer in facts["capabilities"].items()
    ]
    at_boot = [({"key": entry["key"], "file": entry["wins"] or ""}, 1) for entry in facts["overridden"]]
    return [
        ("kernel_info", "The running kernel.", [(facts["kernel"], 1)] if facts["kernel"] else []),
        (
            "capability",
            "What the kernel allows to root: yes, no or unknown, and the layer that decided it.",
            answers,
        ),
        (
            "sysctl_changes_at_boot",
            "A sysctl value that the next boot changes, and the file that sets it.",
            at_boot,
        ),
    ]


def _go_families(builds: t.Sequence[t.Mapping[str, t.Any]]) -> list[Family]:
    info_labels = ("path", "module", "version", "go_version", "supported")
    count_labels = ("path", "version", "go_version")
    return [
        (
            "go_build_info",
            "A Go program on the host, and whether its Go gets security fixes (supported).",
            [(_labels(build, *info_labels), 1) for build in builds],
        ),
        (
            "go_build_processes",
            "Running processes of a Go program.",
            [(_labels(build, *count_labels), build["running"]) for build in builds],
        ),
        (
            "go_build_stale_processes",
            "Running processes of a program file that has been replaced.",
            [(_labels(build, *count_labels), build["stale"]) for build in builds],
        ),
    ]


def _probe_families(facts: t.Mapping[str, t.Any]) -> list[Family]:
    findings = collections.Counter(finding["kind"] for finding in facts["ebpf"]["findings"])
    return [
        (
            "ebpf_findings",
            "eBPF objects without an owner, by kind.",
            [({"kind": kind}, count) for kind, count in sorted(findings.items())],
        ),
        (
            "probe_failed",
            "A module of the probe that failed.",
            [({"module": problem["module"]}, 1) for problem in facts["problems"]],
        ),
    ]


def _labels(entry: t.Mapping[str, t.Any], *names: str) -> dict[str, str]:
    return {name: str(entry[name]) for name in names}


def _family(name: str, text: str, samples: t.Iterable[tuple[Labels, int]]) -> str:
    """Format one metric with its help, or nothing if it has no samples.

    The exporter rejects a file that has the same labels twice, so equal labels become one sample.
    """
    added: dict[str, int] = {}
    for labels, value in samples:
        key = ",".join(f'{label}="{_escaped(labels[label])}"' for label in labels)
        added[key] = added.get(key, 0) + value if name.endswith("processes") else value
    if not added:
        return ""
    lines = [f"{name}{{{key}}} {value}" for key, value in added.items()]
    return "\n".join([f"# HELP {name} {text}", f"# TYPE {name} gauge", *lines, ""])


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
