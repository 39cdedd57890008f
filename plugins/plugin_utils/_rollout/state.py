# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""What the events of a rollout add up to: how far each host is, whether to go on, and what is to be put back."""

from __future__ import annotations

import typing as t

from ...module_utils._errors import HostError

__all__ = ["COMPONENTS_KEY", "STATES", "HostState", "Rollout", "fold", "fold_host"]

Event = t.Dict[str, t.Any]

# The key of the components in journals and reports. It is the same whatever is rolled out: an unfinished run of an
# earlier version of the collection has to stay readable, and users' programs read the report.
COMPONENTS_KEY = "services"

# The states of a host. ``moving`` and ``reverting`` are written before the host is changed.
STATES = (
    "looked",
    "moving",
    "moved",
    "gated",
    "done",
    "unchanged",
    "refused",
    "failed",
    "reverting",
    "reverted",
    "stuck",
    "unreachable",
)
_FAILURES = ("refused", "failed", "stuck", "unreachable")
_SETTLED = ("done", "unchanged", "refused", "reverted", "stuck")


class HostState(t.NamedTuple):
    """
    What the journal says about one host.

    ``touched``: it was changed, or may have been, and was not put back. ``failed``: it counts against the budget.
    ``before`` and ``after``: what it had before and after the change; only whoever rolls out knows what is in them.
    """

    state: str
    touched: bool
    failed: bool
    before: dict[str, t.Any] | None
    after: dict[str, t.Any] | None
    baseline: dict[str, t.Any] | None
    stage: str
    reason: str
    evidence: list[t.Any]
    times: dict[str, str]


class Rollout(t.NamedTuple):
    """
    What the journal says about a run.

    ``decision``: "" before the verdict, then keep or revert. ``ended``: the outcome, "" while the run is unfinished.
    """

    components: list[str]
    release: str
    salt: str
    budget: int
    waves: list[list[str]]
    hosts: dict[str, HostState]
    decision: str
    ended: str
    begun: str
    resumed: int

    @property
    def failures(self) -> list[str]:
        return [name for name, host in self.hosts.items() if host.failed]

    @property
    def halted(self) -> bool:
        """Return whether no more hosts may be moved."""
        return bool(self.decision) or len(self.failures) > self.budget

    def remaining(self) -> list[list[str]]:
        """Return the waves that a resumed run still has to do. A host that did not answer is tried again."""
        if self.halted:
            return []
        left = [[name for name in wave if self.hosts[name].state not in _SETTLED] for wave in self.waves]
        return [wave for wave in left if wave]

    def to_revert(self) -> list[str]:
        """Return the hosts to put back: within the budget those that failed, else all that were touched."""
        everyone = self.decision == "revert"
        return [name for name, host in self.hosts.items() if host.touched and (everyone or host.failed)]


_FRESH = HostState("", False, False, None, None, None, "", "", [], {})


def fold(events: t.Sequence[Event]) -> Rollout:
    """
    Return the state of a run.

    :param events: all events of one journal, the plan first
    """
    if not events or events[0].get("event") != "plan":
        raise HostError(
            "the journal of the rollout",
            wanted="a plan as its first line",
            found=str(events[0].get("event")) if events else "nothing",
            remedy="Move the file away: no host was changed by this run.",
        )
    plan = events[0]
    hosts = {name: _FRESH for wave in plan["waves"] for name in wave}
    decision = ended = ""
    resumed = 0
    for event in events[1:]:
        kind = event["event"]
        if kind == "host":
            hosts[event["host"]] = _next(hosts[event["host"]], event)
        elif kind == "verdict":
            decision = event["decision"]
        elif kind == "resumed":
            resumed += 1
        elif kind == "end":
            ended = event["outcome"]
    return Rollout(
        components=plan[COMPONENTS_KEY],
        release=plan["release"],
        salt=plan["salt"],
        budget=plan["budget"],
        waves=plan["waves"],
        hosts=hosts,
        decision=decision,
        ended=ended,
        begun=plan["at"],
        resumed=resumed,
    )


def fold_host(events: t.Iterable[Event]) -> HostState:
    """Return the state of one host from the events about it."""
    host = _FRESH
    for event in events:
        if event["event"] == "host":
            host = _next(host, event)
    return host


def _next(host: HostState, event: Event) -> HostState:
    state = event["state"]
    failed = host.failed
    if state in _FAILURES:
        failed = True
    elif state not in ("reverting", "reverted"):
        # A resumed run got further with this host.
        failed = False
    return HostState(
        state=state,
        touched=state == "moving" or (host.touched and state not in ("reverted", "unchanged")),
        failed=failed,
        # After a change the host can no longer show what it had before.
        before=host.before if host.touched else event.get("before", host.before),
        after=event.get("after", host.after),
        baseline=host.baseline if host.touched else event.get("baseline", host.baseline),
        stage=event.get("stage", host.stage if failed else ""),
        reason=event.get("reason", host.reason if failed else ""),
        evidence=event.get("evidence", host.evidence),
        times={**host.times, state: event["at"]},
    )
