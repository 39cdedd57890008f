# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Compare the reports of two runs."""

from __future__ import annotations

import typing as t

from .classes import facts_of_hosts
from .values import KINDS, Subject, values_of

__all__ = ["compare", "same_findings"]

Fleet = t.Mapping[str, t.Any]
_KEYS_OF_THE_RUN = ("generated", "comparison")


def compare(before: Fleet, after: Fleet) -> dict[str, t.Any]:
    """Return the differences between two reports, with equal differences of several hosts as one.

    :return: the value of ``comparison`` in fleet.json
    """
    old, new = facts_of_hosts(before), facts_of_hosts(after)
    found: dict[tuple[str, str, str | None, str | None], list[str]] = {}
    for host in sorted(set(old) & set(new)):
        for subject, was, became in _differences(old[host], new[host]):
            found.setdefault((*subject, was, became), []).append(host)
    order = list(KINDS)
    return {
        "previous": before["generated"],
        "hosts_added": sorted(set(new) - set(old)),
        "hosts_gone": sorted(set(old) - set(new)),
        "changes": [
            {"kind": kind, "subject": subject, "before": was, "after": became, "hosts": hosts}
            for (kind, subject, was, became), hosts in sorted(
                found.items(), key=lambda one: (order.index(one[0][0]), one[0][1], str(one[0][2:]))
            )
        ],
    }


def _differences(
    old: t.Mapping[str, t.Any], new: t.Mapping[str, t.Any]
) -> t.Iterator[tuple[Subject, str | None, str | None]]:
    if old["state"] != new["state"]:
        yield ("host", "state"), old["state"], new["state"]
    silent = ("unreachable", "failed")
    if old["state"] in silent or new["state"] in silent:
        # There is nothing to compare without an answer of the host in both runs.
        return
    was, became = values_of(old), values_of(new)
    for subject in sorted(set(was) | set(became)):
        if was.get(subject) != became.get(subject):
            yield subject, was.get(subject), became.get(subject)


def same_findings(one: Fleet, other: Fleet) -> bool:
    """Return whether two reports are equal, apart from their time and their comparison."""
    return _findings(one) == _findings(other)


def _findings(fleet: Fleet) -> dict[str, t.Any]:
    return {key: value for key, value in fleet.items() if key not in _KEYS_OF_THE_RUN}
