# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Begin a rollout, or resume one that a killed controller left unfinished."""

from __future__ import annotations

import datetime
import itertools
import typing as t

from ...module_utils._errors import HostError
from .journal import Journal, Writer
from .state import COMPONENTS_KEY, Rollout, fold

__all__ = ["OpenedRun", "RunRequest", "open_rollout"]


class RunRequest(t.NamedTuple):
    """
    What to roll out, and to which hosts.

    ``components``: names of what is rolled out, such as services. ``release``: identifies their new version; the caller
    decides how. ``run``: the name of an unfinished run to resume. ``abandon``: the name of one to give up.
    """

    directory: str
    hosts: list[str]
    components: list[str]
    release: str
    salt: str
    budget: int
    waves: list[list[str]]
    run: str
    abandon: str
    takeover: bool


class OpenedRun(t.NamedTuple):
    """A run and its journal. ``resumed``: an earlier process began it."""

    journal: Journal
    rollout: Rollout
    resumed: bool


def open_rollout(request: RunRequest, *, writer: Writer | None) -> OpenedRun:
    """
    Resume the unfinished run of the same components and hosts. Begin a new one if there is none.

    :param writer: the process that writes the journal; None reads only, as check mode does
    :raises HostError: an unfinished run of another release on these hosts, or one that another process still writes
    """
    if request.abandon and writer is not None:
        _abandon(request, writer=writer)
    for run in reversed(Journal.runs(request.directory)):
        journal = Journal(request.directory, run)
        events = journal.events()
        if run == request.run and not events:
            raise _no_such(request, found="only an empty journal of it")
        rollout = fold(events) if events else None
        if (
            rollout is not None
            and not rollout.ended
            and run != request.abandon
            and _concerns(request, run, rollout)
        ):
            return _resume(request, journal, rollout, writer=writer)
        if run == request.run:
            raise _no_such(request, found=f"a run that ended: {rollout.ended if rollout else ''}")
    if request.run:
        raise _no_such(request, found=f"none of this name in {request.directory}")
    return _begin(request, writer=writer)


def _concerns(request: RunRequest, run: str, rollout: Rollout) -> bool:
    if request.run:
        return run == request.run
    return bool(set(request.components) & set(rollout.components)) and not set(request.hosts).isdisjoint(
        rollout.hosts
    )


def _begin(request: RunRequest, *, writer: Writer | None) -> OpenedRun:
    now = datetime.datetime.now(datetime.timezone.utc)
    journal = Journal(request.directory, _free_name(request, now))
    plan = {
        "event": "plan",
        "v": 1,
        "run": journal.run,
        COMPONENTS_KEY: request.components,
        "release": request.release,
        "salt": request.salt,
        "budget": request.budget,
        "waves": request.waves,
    }
    if writer is not None:
        journal.hold(writer, takeover=request.takeover)
        journal.append(plan, writer=writer)
    return OpenedRun(journal, fold([{"at": now.isoformat(), **plan}]), False)


def _free_name(request: RunRequest, now: datetime.datetime) -> str:
    """Return a name that sorts after those of earlier runs. A second run within one second gets a number."""
    name = f"{now:%Y%m%dT%H%M%S}-{request.release[:6]}"
    there = Journal.runs(request.directory)
    return next(one for n in itertools.count(1) if (one := name if n == 1 else f"{name}-{n}") not in there)


def _resume(request: RunRequest, journal: Journal, rollout: Rollout, *, writer: Writer | None) -> OpenedRun:
    missing = sorted(set(rollout.hosts) - set(request.hosts))
    if missing:
        raise HostError(
            f"rollout {journal.run}",
            wanted="all of its hosts, to resume it",
            found=f"a run without {', '.join(missing)}",
            remedy="Run without --limit and with the same rollout_hosts. If these hosts are gone, give the run up with "
            f"rollout_abandon={journal.run}.",
        )
    if request.release != rollout.release and not rollout.decision:
        raise HostError(
            f"rollout {journal.run}",
            wanted=f"release {rollout.release}, which this unfinished run rolls out",
            found=f"release {request.release}",
            remedy="Restore the program and the description of that release to resume the run. Or give the run up with "
            f"rollout_abandon={journal.run}: all hosts stay as they are, and a new run examines each of them.",
        )
    if writer is not None:
        journal.hold(writer, takeover=request.takeover)
        journal.append({"event": "resumed"}, writer=writer)
        rollout = fold(journal.events())
    return OpenedRun(journal, rollout, True)


def _abandon(request: RunRequest, *, writer: Writer) -> None:
    journal = Journal(request.directory, request.abandon)
    events = journal.events()
    if not events or fold(events).ended:
        return
    journal.hold(writer, takeover=request.takeover)
    journal.append({"event": "end", "outcome": "abandoned"}, writer=writer)
    journal.release()


def _no_such(request: RunRequest, *, found: str) -> HostError:
    return HostError(
        f"rollout {request.run}",
        wanted="an unfinished run",
        found=found,
        remedy="Omit rollout_run: an unfinished run of the same names and hosts is found without it.",
    )
