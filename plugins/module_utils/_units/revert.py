# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The way back from a transaction that failed."""

from __future__ import annotations

import contextlib
import os
import typing as t
from functools import partial

from .._atomic import fsync_directory, replace_link
from .._health import wait_healthy
from .._systemd.systemctl import Systemctl, UnitError, remove_file, write_file
from .._systemd.text import RUNNING, kind
from .credentials import put_secret
from .state import forget_restart, show

if t.TYPE_CHECKING:
    from .._run import Runner
    from .spec import Unit
    from .state import File, Found, Roots
    from .steps import Steps

__all__ = ["Revert"]

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
