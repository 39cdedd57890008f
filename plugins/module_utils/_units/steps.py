# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Plan the order in which units are stopped, started and restarted, so that sockets keep listening where possible."""

from __future__ import annotations

import typing as t

from .._systemd.text import kind

if t.TYPE_CHECKING:
    from .credentials import CredentialFile
    from .sets import Set
    from .spec import Unit
    from .state import Found

__all__ = ["Steps", "plan_steps"]


class Steps(t.NamedTuple):
    """The steps of a run.

    write: units and drop-ins whose files are written or removed
    switch: path of the release store -> version
    sequence: (verb of systemctl, unit) in order
    discard: sets whose release store and written directories are removed; this cannot be rolled back
    """

    write: list[Unit]
    switch: dict[str, str]
    stop: list[str]
    enable: list[str]
    reenable: list[str]
    disable: list[str]
    reload: bool
    sequence: list[tuple[str, str]]
    credentials: list[CredentialFile]
    discard: list[Set]
    started: list[str]
    restarted: list[str]


def plan_steps(
    units: t.Sequence[Unit],
    found: Found,
    *,
    differing: t.Collection[str],
    stale: t.Mapping[str, list[str]],
    credentials: t.Iterable[CredentialFile] = (),
    sets: t.Iterable[Set] = (),
) -> Steps:
    """Return the steps that turn ``found`` into what ``units`` and ``sets`` describe.

    :param differing: names of the units and drop-ins whose files differ
    :param stale: by name of the unit, why it must be restarted
    """
    enable = [u.name for u in units if u.runs and u.enabled and not found.is_enabled(u.name)]
    # A changed [Install] section needs new links. `systemctl reenable` succeeds when they are already right.
    reenable = [
        u.name for u in units if u.runs and u.enabled and u.name in differing and u.name not in enable
    ]
    disable = [u.name for u in units if u.runs and u.enabled is False and found.is_enabled(u.name)]
    unread = [name for name, shown in found.shown.items() if shown.get("NeedDaemonReload") == "yes"]
    sequence = _sequence(units, found, stale=stale)
    restarted = {
        name for verb, name in sequence if verb == "restart" or (verb == "start" and found.is_running(name))
    }
    touched = list(dict.fromkeys(name for verb, name in sequence if verb != "stop"))
    return Steps(
        write=[unit for unit in units if unit.name in differing],
        switch={
            unit.release.path: unit.release.version
            for unit in units
            if unit.release and found.current_versions[unit.release.path] != unit.release.version
        },
        # Stop sockets and timers first: they could start their services again.
        stop=sorted(
            (u.name for u in units if u.runs and not u.may_run and found.is_kept_running(u.name)),
            key=lambda name: kind(name) not in ("socket", "timer", "path"),
        ),
        enable=enable,
        reenable=reenable,
        disable=disable,
        reload=bool(differing or enable or disable or unread),
        sequence=sequence,
        credentials=[credential for credential in credentials if credential.old != credential.new],
        discard=[each for each in sets if each.absent],
        started=[name for name in touched if name not in restarted],
        restarted=[name for name in touched if name in restarted],
    )


def _sequence(
    units: t.Sequence[Unit], found: Found, *, stale: t.Mapping[str, list[str]]
) -> list[tuple[str, str]]:
    may_not_run = {unit.name for unit in units if unit.runs and not unit.may_run}
    first: list[tuple[str, str]] = []
    stopped: list[str] = []
    for unit in units:
        if not unit.may_run or kind(unit.name) != "socket":
            continue
        verb = _verb(unit, found, stale=stale)
        if verb is None:
            continue
        # systemd does not start a socket whose service runs: "socket service already active, refusing".
        for service in found.triggers.get(unit.name, []):
            if found.is_kept_running(service) and service not in stopped:
                first.append(("stop", service))
                stopped.append(service)
        first.append((verb, unit.name))
    rest: list[tuple[str, str]] = []
    for unit in units:
        if not unit.may_run or kind(unit.name) == "socket" or unit.name in stopped:
            continue
        verb = _verb(unit, found, stale=stale)
        if verb is not None:
            rest.append((verb, unit.name))
    return [*first, *(("start", name) for name in stopped if name not in may_not_run), *rest]


def _verb(unit: Unit, found: Found, *, stale: t.Mapping[str, list[str]]) -> str | None:
    running = found.is_running(unit.name)
    if stale.get(unit.name):
        return "restart" if running else "start"
    return "start" if unit.state == "started" and not running else None
