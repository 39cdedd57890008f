# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""List what to do next on the hosts of a fleet.

Each item says what is wrong, on which hosts, why it matters, and what to set.
"""

from __future__ import annotations

import typing as t

from .advice_form import SEVERITIES, Advice
from .advice_go import advise_go
from .advice_host import advise_host

__all__ = ["advice"]

Item = t.Dict[str, t.Any]
_MAX_NAMES = 3  # subjects in the summary of an item


def advice(
    hosts: t.Mapping[str, t.Mapping[str, t.Any]], drifts: t.Sequence[t.Mapping[str, t.Any]]
) -> list[Item]:
    """List the advice, the most urgent first, then by the number of hosts.

    :param hosts: facts by host name, as host_facts() returns them
    :param drifts: differences within groups, as drift() returns them
    :return: the value of ``advice`` in fleet.json, whose keys are in docs/fleet.schema.json
    """
    found: dict[Advice, dict[str, set[str]]] = {}
    for host, facts in hosts.items():
        for item, subject in (*advise_host(facts), *advise_go(facts)):
            found.setdefault(item, {}).setdefault(subject, set()).add(host)
    for item, subject, where in _advise_drift(drifts):
        found.setdefault(item, {}).setdefault(subject, set()).update(where)
    items = [_item(item, subjects) for item, subjects in found.items()]
    order = list(SEVERITIES)
    return sorted(items, key=lambda item: (order.index(item["severity"]), -len(item["hosts"]), item["title"]))


def _item(item: Advice, subjects: t.Mapping[str, set[str]]) -> Item:
    """Make an entry of the list from one piece of advice and the hosts of each subject."""
    names = sorted((name for name in subjects if name), key=lambda name: (-len(subjects[name]), name))
    shown = ", ".join(names[:_MAX_NAMES])
    if len(names) > _MAX_NAMES:
        shown += f" and {len(names) - _MAX_NAMES} more"
    return {
        "severity": item.severity,
        "title": item.title,
        "why": item.why,
        "action": item.action,
        "set": item.set.replace("{about}", " ".join(names)).replace(
            "{settings}", "\n".join(_setting(name) for name in names)
        ),
        "caution": item.caution,
        "about": names,
        "summary": shown,
        "hosts": sorted(set().union(*subjects.values())),
    }


class _DriftAdvice(t.NamedTuple):
    """The advice about one kind of difference.

    ``what`` completes the title. ``set`` has no first line with the name of the file.
    """

    severity: str
    what: str
    why: str
    action: str
    set: str


_DRIFT = {
    "kernel": _DriftAdvice(
        "later",
        "kernels",
        "A fault that occurs on only some hosts of a group is hard to find.",
        "Install the same kernel on all of them, then reboot. This collection never reboots a host.",
        "",
    ),
    "sysctl": _DriftAdvice(
        "soon",
        "sysctl values",
        "The same load reaches different limits on different hosts.",
        "Set the same values for the whole group. The values shown are those of most hosts.",
        "kernel_tuning_settings:\n{settings}",
    ),
    "build": _DriftAdvice(
        "soon",
        "Go builds",
        "Different programs answer the requests for one service.",
        "Deploy the same build to the whole group, from one description of the service.",
        "go_service_services: [...]  # one list for the whole group",
    ),
    "sandbox": _DriftAdvice(
        "soon",
        "sandboxes",
        "An attacker needs only the host with the weakest sandbox.",
        "Describe the service once for the group, so that it has the same sandbox on every host.",
        "go_service_services: [...]  # one list for the whole group",
    ),
}


def _advise_drift(drifts: t.Iterable[t.Mapping[str, t.Any]]) -> t.Iterator[tuple[Advice, str, set[str]]]:
    for one in drifts:
        if one["kind"] not in _DRIFT or one["follows_kernel"]:
            # There is already advice about the different kernels that cause this difference.
            continue
        text = _DRIFT[one["kind"]]
        item = Advice(
            severity=text.severity,
            title=f"Hosts of group {one['group']} have different {text.what}",
            why=text.why,
            action=text.action,
            set=f"# group_vars/{one['group']}.yml\n{text.set}" if text.set else "",
        )
        subject = one["subjects"][0]
        if one["kind"] == "sysctl":
            subject += f"={one['values'][0]['value']}"
        # The values are sorted by their number of hosts: name the hosts that differ from most of the group.
        yield item, subject, {host for value in one["values"][1:] for host in value["hosts"]}


def _setting(subject: str) -> str:
    """Format ``key=value`` as an entry of kernel_tuning_settings."""
    key, dummy, value = subject.partition("=")
    return f'  - {{name: {key}, value: "{value}", rule: exactly}}'
