# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""A rollout begun, or taken up where a controller that was killed has left it."""

from __future__ import annotations

import datetime
import itertools
import typing as t

from ...module_utils._errors import HostError
from .journal import Journal, Writer
from .state import Rollout, fold

__all__ = ["Opened", "Wish", "open_rollout"]


class Wish(t.NamedTuple):
    """What is to be rolled out, to whom. ``run``: an unfinished run by its name; ``abandon``: one to give up."""

    directory: str
    hosts: list[str]
    services: list[str]
    release: str
    salt: str
    budget: int
    waves: list[list[str]]
    run: str
    abandon: str
    takeover: bool


class Opened(t.NamedTuple):
    journal: Journal
    rollout: Rollout
    resumed: bool


def open_rollout(wish: Wish, *, writer: Writer | None) -> Opened:
    """
    :param writer: who is to write; None only looks, as check mode does
    :raises HostError: an unfinished run of something else on these hosts, or one that is still at work
    """
    if wish.abandon and writer is not None:
        _abandon(wish, writer=writer)
    for run in reversed(Journal.runs(wish.directory)):
        journal = Journal(wish.directory, run)
        events = journal.events()
        if run == wish.run and not events:
            raise _no_such(wish, found="an empty journal of it")
        rollout = fold(events) if events else None
        if (
            rollout is not None
            and not rollout.ended
            and run != wish.abandon
            and _concerns(wish, run, rollout)
        ):
            return _resume(wish, journal, rollout, writer=writer)
        if run == wish.run:
            raise _no_such(wish, found=f"it ended: {rollout.ended if rollout else ''}")
    if wish.run:
        raise _no_such(wish, found=f"none of this name in {wish.directory}")
    return _begin(wish, writer=writer)


def _concerns(wish: Wish, run: str, rollout: Rollout) -> bool:
    if wish.run:
        return run == wish.run
    return bool(set(wish.services) & set(rollout.services)) and not set(wish.hosts).isdisjoint(rollout.hosts)


def _begin(wish: Wish, *, writer: Writer | None) -> Opened:
    now = datetime.datetime.now(datetime.timezone.utc)
    journal = Journal(wish.directory, _free_name(wish, now))
    plan = {
        "event": "plan",
        "v": 1,
        "run": journal.run,
        "services": wish.services,
        "release": wish.release,
        "salt": wish.salt,
        "budget": wish.budget,
        "waves": wish.waves,
    }
    if writer is not None:
        journal.hold(writer, takeover=wish.takeover)
        journal.append(plan, writer=writer)
    return Opened(journal, fold([{"at": now.isoformat(), **plan}]), False)


def _free_name(wish: Wish, now: datetime.datetime) -> str:
    """Names in the order of their runs; a second one within a second gets a number."""
    name = f"{now:%Y%m%dT%H%M%S}-{wish.release[:6]}"
    there = Journal.runs(wish.directory)
    return next(one for n in itertools.count(1) if (one := name if n == 1 else f"{name}-{n}") not in there)


def _resume(wish: Wish, journal: Journal, rollout: Rollout, *, writer: Writer | None) -> Opened:
    lost = sorted(set(rollout.hosts) - set(wish.hosts))
    if lost:
        raise HostError(
            f"rollout {journal.run}",
            wanted="all of its hosts, to go on with it",
            found=f"a run without {', '.join(lost)}",
            remedy="Run without --limit and with the same rollout_hosts; give the run up with "
            f"rollout_abandon={journal.run} if these hosts are gone.",
        )
    if wish.release != rollout.release and not rollout.decision:
        raise HostError(
            f"rollout {journal.run}",
            wanted=f"release {rollout.release}, which it has begun to roll out",
            found=f"release {wish.release}",
            remedy="Put back the program and the description to go on with it, or give it up with "
            f"rollout_abandon={journal.run}: hosts then stay as they are, and the new rollout looks at each.",
        )
    if writer is not None:
        journal.hold(writer, takeover=wish.takeover)
        journal.append({"event": "resumed"}, writer=writer)
        rollout = fold(journal.events())
    return Opened(journal, rollout, True)


def _abandon(wish: Wish, *, writer: Writer) -> None:
    journal = Journal(wish.directory, wish.abandon)
    events = journal.events()
    if not events or fold(events).ended:
        return
    journal.hold(writer, takeover=wish.takeover)
    journal.append({"event": "end", "outcome": "abandoned"}, writer=writer)
    journal.release()


def _no_such(wish: Wish, *, found: str) -> HostError:
    return HostError(
        f"rollout {wish.run}",
        wanted="an unfinished run",
        found=found,
        remedy="Leave rollout_run out: an unfinished run of these services and hosts is found by itself.",
    )
