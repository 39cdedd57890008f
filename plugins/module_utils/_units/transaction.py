# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Apply a set of unit changes as one transaction, and roll it back when a step fails."""

from __future__ import annotations

import contextlib
import os
import time
import typing as t
from functools import partial

from .._atomic import fsync_directory, replace_link
from .._errors import HostError
from .._health import wait_healthy
from .._release.store import Store
from .._systemd.systemctl import Systemctl, UnitError, remove_file, write_file
from .._systemd.text import RUNNING, kind, settings
from .credentials import put_secret
from .sets import remove_folders, store_is_there
from .state import forget_restart, owe_restart, show

if t.TYPE_CHECKING:
    from .._run import Runner
    from .spec import Unit
    from .state import File, Found, Roots
    from .steps import Steps

__all__ = ["Revert", "apply_steps"]

# What is in a release store besides releases. Put back as they were: a failed switch is no release's history.
_LINKS = ("current", "previous", ".rolled-back")
# The old service was healthy before, or nobody can say; this only tells which.
_HEALTH_SECONDS = 10.0


class Revert:
    """Made before the first change, so that ``undo`` knows the host as it was."""

    def __init__(
        self,
        steps: Steps,
        units: t.Sequence[Unit],
        found: Found,
        *,
        roots: Roots,
        run: Runner,
        systemctl: Systemctl,
    ) -> None:
        self._steps = steps
        self._units = units
        self._found = found
        self._roots = roots
        self._run = run
        self._systemctl = systemctl
        self._links = {
            os.path.join(path, name): _target(os.path.join(path, name))
            for path in steps.switch
            for name in _LINKS
        }
        self._ran: list[str] = []

    def undo(self) -> str:
        """Put everything back; a sentence about what runs now. A step that fails is told and does not stop the rest."""
        troubles: list[str] = []
        acted = list(dict.fromkeys(self._systemctl.acted))
        self._ran = [name for name in acted if self._found.kept_up(name)]
        new = [name for name in acted if not self._found.kept_up(name)]
        for name in sorted(new, key=_listeners_first):
            self._try(troubles, partial(self._systemctl.act, "stop", name))
        enabled = list(self._systemctl.enabled)
        for name in (name for verb, name in enabled if verb == "enable"):
            self._try(troubles, partial(self._systemctl.set_enabled, "disable", name))
        for unit in self._steps.write:
            self._put_back(unit.name, self._found.files[unit.name])
        for secret in self._steps.secrets:
            put_secret(secret.path, secret.old)
        for link, target in self._links.items():
            _restore_link(link, target)
        for name in (name for verb, name in enabled if verb != "enable"):
            self._try(troubles, partial(self._systemctl.set_enabled, "reenable", name))
        if self._steps.reload:
            self._try(troubles, self._systemctl.reload)
        if acted:
            self._systemctl.forget_failure(acted)
        self._run_again(troubles)
        return " ".join([self._outcome(), *(f"But {trouble}." for trouble in troubles)])

    def _try(self, troubles: list[str], step: t.Callable[[], None]) -> None:
        try:
            step()
        except UnitError as failure:
            troubles.append(str(failure))

    def _put_back(self, name: str, old: File) -> None:
        if old.link is not None:
            replace_link(os.path.join(self._roots.path, name), old.link)
        elif old.text is not None:
            write_file(self._roots.path, name, old.text)
        else:
            remove_file(self._roots.path, name)

    def _run_again(self, troubles: list[str]) -> None:
        listeners = [name for name in self._ran if kind(name) == "socket"]
        services = [name for name in self._ran if kind(name) != "socket"]
        verb = "restart"
        if listeners:
            for name in services:
                self._try(troubles, partial(self._systemctl.act, "stop", name))
            for name in listeners:
                self._try(troubles, partial(self._systemctl.act, "restart", name))
            verb = "start"
        for name in services:
            self._try(troubles, partial(self._systemctl.act, verb, name))

    def _outcome(self) -> str:
        if not self._ran:
            return "Files, links and enablement are back; nothing of it ran before, and nothing runs now."
        shown = show(self._ran, run=self._run)
        healths = {unit.name: unit.health for unit in self._units if unit.health}
        said: list[str] = []
        for name in self._ran:
            health = healths.get(name)
            if shown[name].get("ActiveState") not in RUNNING:
                said.append(f"{name} does NOT run again")
            elif health and wait_healthy(health._replace(timeout=min(health.timeout, _HEALTH_SECONDS))):
                said.append(f"the old {name} runs again, but {health.url} does NOT answer as wanted")
            else:
                said.append(f"the old {name} serves again")
        forget_restart(self._ran, roots=self._roots)
        return f"Files, links and enablement are back: {', '.join(said)}."


def _listeners_first(name: str) -> bool:
    return kind(name) not in ("socket", "timer", "path")


def _target(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None


def _restore_link(path: str, target: str | None) -> None:
    if _target(path) == target:
        return
    if target is not None:
        replace_link(path, target)
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
        fsync_directory(os.path.dirname(path))


_LOCK_SECONDS = 60.0
# A program that can't run tends to say so by dying within the first second.
_SETTLE_SECONDS = 1.0


def apply_steps(
    steps: Steps,
    units: t.Sequence[Unit],
    found: Found,
    *,
    roots: Roots,
    run: Runner,
    start_timeout: float,
    pause: t.Callable[[float], None] = time.sleep,
) -> dict[str, t.Any]:
    """Do it. A failure puts files, links, enablement and processes back, and raises what failed and what serves."""
    systemctl = Systemctl(run, timeout=start_timeout, since=time.time())
    runnable = [unit.name for unit in units if unit.runs]
    touched = [name for dummy, name in steps.sequence]
    with contextlib.ExitStack() as locks:
        for path, version in steps.switch.items():
            _require(Store(path), version)
        for path in sorted(steps.switch):
            locks.enter_context(Store(path).lock(_LOCK_SECONDS))
        revert = Revert(steps, units, found, roots=roots, run=run, systemctl=systemctl)
        try:
            owe_restart((name for name in touched if found.running(name)), roots=roots)
            _change(steps, roots=roots, systemctl=systemctl)
            _start(steps, systemctl=systemctl)
            shown = _serve(steps, units, run=run, pause=pause)
        except UnitError as failure:
            journal = systemctl.journal(failure.unit)
            failure.found += _port_holders(failure.unit, units, systemctl=systemctl)
            raise failure.explain(journal=journal, outcome=revert.undo())
        except BaseException:
            revert.undo()
            raise
        forget_restart([*runnable, *touched], roots=roots)
    _discard(steps, roots=roots)
    shown = shown or show(runnable, run=run)
    return {"active": {name: shown[name].get("ActiveState", "unknown") for name in runnable}}


def _require(store: Store, version: str) -> None:
    if store.marker(version) is None:
        raise HostError(
            store.path,
            wanted=f"the complete release {version}",
            found=", ".join(store.versions()) or "no release",
            remedy="Install this version into the store first.",
        )


def _port_holders(name: str, units: t.Sequence[Unit], *, systemctl: Systemctl) -> str:
    texts = [unit.text for unit in units if unit.name == name and unit.text is not None]
    if not texts or kind(name) != "socket":
        return ""
    held = systemctl.holders(settings(texts[0], "Socket", "ListenStream"))
    return f"; {held}" if held else ""


def _change(steps: Steps, *, roots: Roots, systemctl: Systemctl) -> None:
    for name in steps.stop:
        systemctl.act("stop", name)
    # Units that go are disabled while systemctl can still read their [Install] section.
    for name in steps.disable:
        systemctl.set_enabled("disable", name)
    for unit in steps.write:
        if unit.text is None:
            remove_file(roots.path, unit.name)
        else:
            write_file(roots.path, unit.name, unit.text)
    for secret in steps.secrets:
        put_secret(secret.path, secret.new)
    for path, version in steps.switch.items():
        Store(path).switch(version)
    for name in steps.enable:
        systemctl.set_enabled("enable", name)
    for name in steps.reenable:
        systemctl.set_enabled("reenable", name)
    if steps.reload:
        systemctl.reload()


def _discard(steps: Steps, *, roots: Roots) -> None:
    """What can't be had back goes last, when nothing that runs needs it."""
    for each in steps.discard:
        if each.store and store_is_there(each.store):
            store = Store(each.store)
            with store.lock(_LOCK_SECONDS):
                store.clear()
        if each.purge:
            remove_folders(each.name, var=roots.var)


def _start(steps: Steps, *, systemctl: Systemctl) -> None:
    for verb, name in steps.sequence:
        systemctl.act(verb, name)


def _serve(
    steps: Steps, units: t.Sequence[Unit], *, run: Runner, pause: t.Callable[[float], None]
) -> dict[str, dict[str, str]]:
    """Every unit that was started runs, stays up, and is healthy; what systemd shows of all of them then."""
    begun = [*steps.started, *steps.restarted]
    names = list(dict.fromkeys([*(unit.name for unit in units if unit.runs), *begun]))
    if not begun:
        return {}
    first = show(names, run=run)
    for name in begun:
        _require_running(name, first[name])
    for unit in units:
        if unit.health is not None and unit.name in begun:
            wrong = wait_healthy(unit.health, pause=pause)
            if wrong is not None:
                wanted = (
                    f"status {unit.health.status} from {unit.health.url} within {unit.health.timeout:g} s"
                )
                raise UnitError(unit.name, wanted=wanted, found=wrong)
    if any(kind(name) == "service" for name in begun):
        pause(_SETTLE_SECONDS)
    last = show(names, run=run)
    for name in begun:
        _require_running(name, last[name])
        if last[name].get("NRestarts", "0") != first[name].get("NRestarts", "0"):
            raise UnitError(
                name, wanted="a service that stays up", found=f"it restarted {last[name]['NRestarts']} times"
            )
    return last


def _require_running(name: str, shown: t.Mapping[str, str]) -> None:
    state, sub = shown.get("ActiveState", "unknown"), shown.get("SubState", "unknown")
    if state not in RUNNING or sub.startswith("auto-restart"):
        raise UnitError(
            name, wanted="it active", found=f"it {state} ({sub}), result {shown.get('Result', 'unknown')}"
        )
