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
from .credentials import write_credential
from .sets import remove_written_directories, store_exists
from .state import clear_pending_restarts, record_pending_restarts, show

if t.TYPE_CHECKING:
    from .._run import Runner
    from .spec import Unit
    from .state import File, Found, Roots
    from .steps import Steps

__all__ = ["Rollback", "apply_steps"]

# The links in a release store. A rollback restores them: a failed switch must not count as a previous release.
_LINKS = ("current", "previous", ".rolled-back")
# How long a rollback waits for the health check of the old service.
_HEALTH_SECONDS = 10.0
_LOCK_SECONDS = 60.0
# A program that cannot run usually exits within the first second.
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
    """Apply the steps as one transaction.

    :param start_timeout: seconds that one start, stop or restart may take
    :returns: ``active``: the ActiveState of each unit by name
    :raises HostError: a step failed; files, links, enablement and processes are as before, or the text says which not
    """
    systemctl = Systemctl(run, timeout=start_timeout, since=time.time())
    runnable = [unit.name for unit in units if unit.runs]
    touched = [name for dummy, name in steps.sequence]
    with contextlib.ExitStack() as locks:
        for path, version in steps.switch.items():
            _require_release(Store(path), version)
        for path in sorted(steps.switch):
            locks.enter_context(Store(path).lock(_LOCK_SECONDS))
        rollback = Rollback(steps, units, found, roots=roots, run=run, systemctl=systemctl)
        try:
            record_pending_restarts((name for name in touched if found.is_running(name)), roots=roots)
            _change(steps, roots=roots, systemctl=systemctl)
            _start(steps, systemctl=systemctl)
            shown = _check_started(steps, units, run=run, pause=pause)
        except UnitError as failure:
            journal = systemctl.journal(failure.unit)
            failure.found += _describe_port_holders(failure.unit, units, systemctl=systemctl)
            raise failure.as_host_error(journal=journal, outcome=rollback.run())
        except BaseException:
            rollback.run()
            raise
        clear_pending_restarts([*runnable, *touched], roots=roots)
    _discard(steps, roots=roots)
    shown = shown or show(runnable, run=run)
    return {"active": {name: shown[name].get("ActiveState", "unknown") for name in runnable}}


def _require_release(store: Store, version: str) -> None:
    if store.marker(version) is None:
        raise HostError(
            store.path,
            wanted=f"the complete release {version}",
            found=", ".join(store.versions()) or "no release",
            remedy="Install this version into the release store first.",
        )


def _describe_port_holders(name: str, units: t.Sequence[Unit], *, systemctl: Systemctl) -> str:
    texts = [unit.text for unit in units if unit.name == name and unit.text is not None]
    if not texts or kind(name) != "socket":
        return ""
    held = systemctl.port_holders(settings(texts[0], "Socket", "ListenStream"))
    return f"; {held}" if held else ""


def _change(steps: Steps, *, roots: Roots, systemctl: Systemctl) -> None:
    for name in steps.stop:
        systemctl.act("stop", name)
    # Disable units before their files are removed: systemctl needs their [Install] section.
    for name in steps.disable:
        systemctl.set_enabled("disable", name)
    for unit in steps.write:
        if unit.text is None:
            remove_file(roots.path, unit.name)
        else:
            write_file(roots.path, unit.name, unit.text)
    for credential in steps.credentials:
        write_credential(credential.path, credential.new)
    for path, version in steps.switch.items():
        Store(path).switch(version)
    for name in steps.enable:
        systemctl.set_enabled("enable", name)
    for name in steps.reenable:
        systemctl.set_enabled("reenable", name)
    if steps.reload:
        systemctl.reload()


def _discard(steps: Steps, *, roots: Roots) -> None:
    """Remove what cannot be restored.

    This comes last, when no running process needs it.
    """
    for each in steps.discard:
        if each.store and store_exists(each.store):
            store = Store(each.store)
            with store.lock(_LOCK_SECONDS):
                store.clear()
        if each.purge:
            remove_written_directories(each.name, var=roots.var)


def _start(steps: Steps, *, systemctl: Systemctl) -> None:
    for verb, name in steps.sequence:
        systemctl.act(verb, name)


def _check_started(
    steps: Steps, units: t.Sequence[Unit], *, run: Runner, pause: t.Callable[[float], None]
) -> dict[str, dict[str, str]]:
    """Check that every started unit runs, is healthy and stays up.

    :returns: the properties of all units by name, or nothing where no unit was started
    :raises UnitError: a unit failed one of the checks
    """
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
                name, wanted="a service that stays up", found=f"{last[name]['NRestarts']} automatic restarts"
            )
    return last


def _require_running(name: str, shown: t.Mapping[str, str]) -> None:
    state, sub = shown.get("ActiveState", "unknown"), shown.get("SubState", "unknown")
    if state not in RUNNING or sub.startswith("auto-restart"):
        raise UnitError(
            name,
            wanted="ActiveState=active",
            found=f"ActiveState={state}, SubState={sub}, Result={shown.get('Result', 'unknown')}",
        )


class Rollback:
    """Restore the host after a failed step.

    It is created before the first change, so that it knows the host as it was.
    """

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
        self._errors: list[str] = []

    def run(self) -> str:
        """Restore everything.

        A step that fails is reported and does not stop the other steps.

        :returns: sentences about what was restored and what runs now
        """
        acted = list(dict.fromkeys(self._systemctl.acted))
        old = [name for name in acted if self._found.is_kept_running(name)]
        new = [name for name in acted if not self._found.is_kept_running(name)]
        for name in sorted(new, key=_listeners_first):
            self._try(partial(self._systemctl.act, "stop", name))
        enabled = list(self._systemctl.enabled)
        for name in (name for verb, name in enabled if verb == "enable"):
            self._try(partial(self._systemctl.set_enabled, "disable", name))
        for unit in self._steps.write:
            self._restore_file(unit.name, self._found.files[unit.name])
        for credential in self._steps.credentials:
            write_credential(credential.path, credential.old)
        for link, target in self._links.items():
            _restore_link(link, target)
        for name in (name for verb, name in enabled if verb != "enable"):
            self._try(partial(self._systemctl.set_enabled, "reenable", name))
        if self._steps.reload:
            self._try(self._systemctl.reload)
        if acted:
            self._systemctl.reset_failed(acted)
        self._start_old(old)
        return " ".join([self._outcome(old), *(f"But {error}." for error in self._errors)])

    def _try(self, step: t.Callable[[], None]) -> None:
        try:
            step()
        except UnitError as failure:
            self._errors.append(str(failure))

    def _restore_file(self, name: str, old: File) -> None:
        if old.link is not None:
            replace_link(os.path.join(self._roots.path, name), old.link)
        elif old.text is not None:
            write_file(self._roots.path, name, old.text)
        else:
            remove_file(self._roots.path, name)

    def _start_old(self, names: t.Sequence[str]) -> None:
        sockets = [name for name in names if kind(name) == "socket"]
        services = [name for name in names if kind(name) != "socket"]
        verb = "restart"
        if sockets:
            for name in services:
                self._try(partial(self._systemctl.act, "stop", name))
            for name in sockets:
                self._try(partial(self._systemctl.act, "restart", name))
            verb = "start"
        for name in services:
            self._try(partial(self._systemctl.act, verb, name))

    def _outcome(self, names: t.Sequence[str]) -> str:
        restored = "Files, links and enablement are restored."
        if not names:
            return f"{restored} None of these units ran before, and none runs now."
        shown = show(names, run=self._run)
        checks = {unit.name: unit.health for unit in self._units if unit.health}
        outcomes: list[str] = []
        for name in names:
            check = checks.get(name)
            if shown[name].get("ActiveState") not in RUNNING:
                outcomes.append(f"{name} does NOT run.")
            elif check and wait_healthy(check._replace(timeout=min(check.timeout, _HEALTH_SECONDS))):
                outcomes.append(f"The old {name} runs again, but the health check {check.url} FAILS.")
            else:
                outcomes.append(f"The old {name} runs again.")
        clear_pending_restarts(names, roots=self._roots)
        return " ".join([restored, *outcomes])


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
