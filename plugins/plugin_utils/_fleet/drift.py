# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Find where the hosts of one group differ."""

from __future__ import annotations

import collections
import typing as t

from .values import NOT_THERE, Subject, values_of

__all__ = ["drift"]

Drift = t.Dict[str, t.Any]
Values = t.Mapping[str, t.Mapping[Subject, str]]

# The kernel computes these from the size of memory or the number of processors: different hardware, not drift.
_HARDWARE_KEYS = {
    "fs.file-max",
    "fs.inotify.max_user_watches",
    "kernel.pid_max",
    "kernel.threads-max",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_mem",
    "net.ipv4.tcp_rmem",
    "net.netfilter.nf_conntrack_max",
    "user.max_user_namespaces",
    "vm.min_free_kbytes",
}
_MISSING = "not asked"
_USUAL = "as usual"
_RELEASE = ("kernel", "release")
_COMPARED = ("kernel", "sysctl", "build", "sandbox", "capability")


def drift(
    hosts: t.Mapping[str, t.Mapping[str, t.Any]], groups: t.Mapping[str, t.Sequence[str]]
) -> list[Drift]:
    """List the differences within each group.

    A group does not repeat a difference of a smaller group inside it.

    :param hosts: the facts of each host that answered, by host name
    :param groups: the host names of each group
    :return: the value of ``drift`` in fleet.json
    """
    values = {host: _compared(facts) for host, facts in hosts.items()}
    reported: list[tuple[Subject, frozenset[str]]] = []
    found: list[Drift] = []
    for group, members in _by_size(groups, values):
        subjects = []
        for subject in _differences(members, values):
            if any(subject == other and smaller < frozenset(members) for other, smaller in reported):
                continue
            reported.append((subject, frozenset(members)))
            subjects.append(subject)
        found += [
            _entry(group, subject, values, members) for subject in subjects if subject[0] != "capability"
        ]
        capabilities = [subject for subject in subjects if subject[0] == "capability"]
        if capabilities:
            found.append(_capabilities(group, capabilities, values, members))
    return sorted(found, key=lambda one: (one["group"], _COMPARED.index(one["kind"]), one["subjects"]))


def _compared(facts: t.Mapping[str, t.Any]) -> dict[Subject, str]:
    """Select the values of one host that should be the same in a group."""
    return {
        subject: value
        for subject, value in values_of(facts).items()
        if subject[0] in _COMPARED
        and subject[1] not in _HARDWARE_KEYS
        and not _is_missing_key(subject, value)
    }


def _is_missing_key(subject: Subject, value: str) -> bool:
    """Return whether the kernel lacks this sysctl key, which is a difference of kernels and not of settings."""
    return subject[0] == "sysctl" and value == NOT_THERE


def _by_size(groups: t.Mapping[str, t.Sequence[str]], values: Values) -> list[tuple[str, list[str]]]:
    """List the groups with two or more hosts that answered, the smallest first.

    Of groups with the same hosts, the first by name is listed.
    """
    seen: dict[tuple[str, ...], str] = {}
    for group in sorted(groups):
        members = tuple(sorted({host for host in groups[group] if host in values}))
        if len(members) > 1:
            seen.setdefault(members, group)
    return sorted(
        ((group, list(members)) for members, group in seen.items()), key=lambda one: (len(one[1]), one[0])
    )


def _differences(members: t.Sequence[str], values: Values) -> t.Iterator[Subject]:
    """Yield the subjects whose values differ between the hosts that have them."""
    for subject in sorted({subject for host in members for subject in values[host]}):
        # A program may be installed on some hosts only, and a module may have run on some hosts only.
        if len({values[host][subject] for host in members if subject in values[host]}) > 1:
            yield subject


def _entry(group: str, subject: Subject, values: Values, members: t.Sequence[str]) -> Drift:
    by_value: dict[str, list[str]] = {}
    for host in members:
        if subject in values[host]:
            by_value.setdefault(values[host][subject], []).append(host)
    return {
        "group": group,
        "kind": subject[0],
        "subjects": [subject[1]],
        "follows_kernel": _follows_kernel([subject], values, members),
        "values": _most_frequent_first(by_value),
    }


def _follows_kernel(subjects: t.Sequence[Subject], values: Values, members: t.Sequence[str]) -> bool:
    """Return whether hosts with the same kernel have equal values, so that the kernel explains the difference."""
    by_release: dict[str, set[tuple[str | None, ...]]] = {}
    for host in members:
        seen = tuple(values[host].get(subject) for subject in subjects)
        by_release.setdefault(values[host].get(_RELEASE, ""), set()).add(seen)
    return (
        _RELEASE not in subjects
        and len(by_release) > 1
        and all(len(seen) == 1 for seen in by_release.values())
    )


def _capabilities(
    group: str, subjects: t.Sequence[Subject], values: Values, members: t.Sequence[str]
) -> Drift:
    """Describe all capabilities that differ as one difference.

    The value of a host lists the answers in which it differs from most hosts.
    """
    usual = {
        subject: collections.Counter(
            values[host][subject] for host in members if subject in values[host]
        ).most_common(1)[0][0]
        for subject in subjects
    }
    by_value: dict[str, list[str]] = {}
    for host in members:
        others = [
            f"{subject[1]} {values[host].get(subject, _MISSING)}"
            for subject in subjects
            if values[host].get(subject, usual[subject]) != usual[subject]
        ]
        by_value.setdefault(", ".join(others) or _USUAL, []).append(host)
    names = [name for dummy, name in subjects]
    return {
        "group": group,
        "kind": "capability",
        "subjects": names,
        "follows_kernel": _follows_kernel(subjects, values, members),
        "values": _most_frequent_first(by_value),
    }


def _most_frequent_first(by_value: t.Mapping[str, list[str]]) -> list[dict[str, t.Any]]:
    """List the values with their hosts, the value of most hosts first."""
    return [
        {"value": value, "hosts": hosts}
        for value, hosts in sorted(by_value.items(), key=lambda one: (-len(one[1]), one[0]))
    ]
