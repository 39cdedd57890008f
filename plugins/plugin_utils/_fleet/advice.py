# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""What to do next: what is wrong, where, why it matters, and the exact thing to set."""

from __future__ import annotations

import typing as t

from .advice_form import SEVERITIES, Advice
from .advice_go import advise_go
from .advice_host import advise_host

__all__ = ["advice"]

Item = t.Dict[str, t.Any]
_NAMED = 3


def advice(
    hosts: t.Mapping[str, t.Mapping[str, t.Any]], drifts: t.Sequence[t.Mapping[str, t.Any]]
) -> list[Item]:
    """The list, most urgent first, then what concerns most hosts.

    :param hosts: the facts of each host
    :param drifts: what differs within groups
    """
    found: dict[Advice, dict[str, set[str]]] = {}
    for host, facts in hosts.items():
        for item, about in (*advise_host(facts), *advise_go(facts)):
            found.setdefault(item, {}).setdefault(about, set()).add(host)
    for item, about, where in _of_drift(drifts):
        found.setdefault(item, {}).setdefault(about, set()).update(where)
    items = [_item(item, abouts) for item, abouts in found.items()]
    order = list(SEVERITIES)
    return sorted(items, key=lambda item: (order.index(item["severity"]), -len(item["hosts"]), item["title"]))


def _item(item: Advice, abouts: t.Mapping[str, set[str]]) -> Item:
    names = sorted((about for about in abouts if about), key=lambda about: (-len(abouts[about]), about))
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
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
        "hosts": sorted(set().union(*abouts.values())),
    }


class _Drift(t.NamedTuple):
    """What is said of a kind of difference; ``set`` without the line that names the file."""

    severity: str
    what: str
    why: str
    action: str
    set: str


_DRIFT = {
    "kernel": _Drift(
        "later",
        "kernels",
        "A fault that only some hosts of a group show takes longest to find.",
        "Bring the hosts to one kernel: upgrade and boot them. Nothing in this collection boots a host.",
        "",
    ),
    "sysctl": _Drift(
        "soon",
        "sysctl values",
        "The same load meets other limits on some hosts of the group.",
        "Give the group one set of values; these are those of most hosts.",
        "kernel_tuning_settings:\n{settings}",
    ),
    "build": _Drift(
        "soon",
        "Go builds",
        "Requests of one service are answered by different programs.",
        "Ship the same build to the whole group, by one description.",
        "go_service_services: [...]  # one list for the whole group",
    ),
    "sandbox": _Drift(
        "soon",
        "sandboxes",
        "The weakest sandbox of the group is the one that counts.",
        "Describe the service once for the group, so that every host confines it alike.",
        "go_service_services: [...]  # one list for the whole group",
    ),
}


def _of_drift(drifts: t.Iterable[t.Mapping[str, t.Any]]) -> t.Iterator[tuple[Advice, str, set[str]]]:
    for one in drifts:
        if one["kind"] not in _DRIFT or one["follows_kernel"]:
            # What comes with the kernel goes with it, and the kernel is a difference of its own.
            continue
        say = _DRIFT[one["kind"]]
        item = Advice(
            severity=say.severity,
            title=f"Hosts of group {one['group']} have different {say.what}",
            why=say.why,
            action=say.action,
            set=f"# group_vars/{one['group']}.yml\n{say.set}" if say.set else "",
        )
        about = one["subjects"][0]
        if one["kind"] == "sysctl":
            about += f"={one['values'][0]['value']}"
        # The hosts that differ from most of the group are those to look at.
        yield item, about, {host for value in one["values"][1:] for host in value["hosts"]}


def _setting(about: str) -> str:
    key, dummy, value = about.partition("=")
    return f'  - {{name: {key}, value: "{value}", rule: exactly}}'
