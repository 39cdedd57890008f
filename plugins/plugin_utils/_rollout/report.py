# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Report a rollout, as data and as lines of text."""

from __future__ import annotations

import datetime
import typing as t

from .state import COMPONENTS_KEY, HostState, Rollout

__all__ = ["VersionsOf", "outcome_of", "report_lines", "rollout_report"]

VersionsOf = t.Callable[[t.Mapping[str, t.Any]], t.Dict[str, t.Optional[str]]]

_PLACES = {"done": "moved", "": "untouched", "looked": "untouched"}
_KNOWN = ("unchanged", "refused", "reverted", "unreachable")
_ORDER = ("moved", "unchanged", "reverted", "refused", "unreachable", "stuck", "untouched")


def outcome_of(rollout: Rollout) -> str:
    """Return moved or reverted. Return stuck if a host is neither."""
    back = rollout.decision == "revert"
    if any(host.touched and (back or host.failed or host.state != "done") for host in rollout.hosts.values()):
        return "stuck"
    return "reverted" if back else "moved"


def rollout_report(rollout: Rollout, *, run: str, ended: str, versions_of: VersionsOf) -> dict[str, t.Any]:
    """
    Return the report as data.

    :param ended: time of the end, in ISO 8601
    :param versions_of: returns the version of each component, given what was found on a host before or after its change
    """
    hosts = {name: _host(host, versions_of) for name, host in sorted(rollout.hosts.items())}
    counts = {place: sum(host["place"] == place for host in hosts.values()) for place in _ORDER}
    return {
        "run": run,
        COMPONENTS_KEY: rollout.components,
        "release": rollout.release,
        "salt": rollout.salt,
        "outcome": outcome_of(rollout),
        "begun": rollout.begun,
        "ended": ended,
        "seconds": _between(rollout.begun, ended),
        "resumed": rollout.resumed,
        "budget": rollout.budget,
        "counts": {"hosts": len(hosts), "failed": len(rollout.failures), **counts},
        "waves": rollout.waves,
        "hosts": hosts,
    }


def report_lines(report: t.Mapping[str, t.Any]) -> list[str]:
    """Return the report as text: the outcome, where the hosts are, and why each failed host failed."""
    counts = report["counts"]
    names = {
        place: [name for name, host in report["hosts"].items() if host["place"] == place] for place in _ORDER
    }
    lines = [
        f"Rollout {report['run']} of {', '.join(report[COMPONENTS_KEY])} (release {report['release']}): "
        f"{report['outcome']}, after {report['seconds']:.0f} s"
        + (f", resumed {report['resumed']} times" if report["resumed"] else ""),
        f"{counts['failed']} of {counts['hosts']} hosts failed, the budget is {report['budget']}",
    ]
    lines += [f"{place}: {counts[place]} ({_some(names[place])})" for place in _ORDER if counts[place]]
    lines += [
        f"{name}: {host['place']}, failed at {host['stage'] or 'the start'}: {host['reason']}"
        for name, host in report["hosts"].items()
        if host["failed"]
    ]
    return lines


def _host(host: HostState, versions_of: VersionsOf) -> dict[str, t.Any]:
    place = host.state if host.state in _KNOWN else _PLACES.get(host.state, "stuck")
    times = sorted(host.times.values())
    return {
        "place": place,
        "state": host.state,
        "failed": host.failed,
        "touched": host.touched,
        "stage": host.stage,
        "reason": host.reason,
        "from": versions_of(host.before or {}),
        "to": versions_of(host.after or {}),
        "seconds": _between(times[0], times[-1]) if times else 0.0,
        "times": host.times,
        "evidence": host.evidence,
    }


def _between(begin: str, end: str) -> float:
    parse = datetime.datetime.fromisoformat
    return round((parse(end) - parse(begin)).total_seconds(), 3)


def _some(names: t.Sequence[str], most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
