# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""What happens around the life of a process: when it starts, what runs before and after, what is kept of it."""

from __future__ import annotations

import typing as t

from ...module_utils._errors import HostError
from .syntax import plain

__all__ = ["Hooks", "Life", "Timer", "life_lines", "read_life"]


class Timer(t.NamedTuple):
    """When a service that runs to its end is started. Times are as systemd writes them."""

    on_calendar: list[str]
    on_boot: str
    every: str
    random_delay: str
    persistent: bool
    max_runtime: str


class Hooks(t.NamedTuple):
    """Commands, as lists of words; the first word is a path on the host or one in the release."""

    before_start: list[str]
    warm_up: list[str]
    reload: list[str]
    drain: list[str]
    after_stop: list[str]


class Life(t.NamedTuple):
    """``fd_store``: how many descriptors systemd keeps for the next process."""

    notify: bool
    watchdog: str
    fd_store: int
    stop_timeout: str
    timer: Timer | None
    hooks: Hooks
    core_dumps: bool
    profiles: bool

    @property
    def logs(self) -> bool:
        """Whether the service has a directory for core dumps and profiles."""
        return self.core_dumps or self.profiles


def read_life(item: t.Mapping[str, t.Any], *, service: str) -> Life:
    """:raises HostError: what a service of this kind can't have"""
    hooks = item.get("hooks") or {}
    diagnostics = item.get("diagnostics") or {}
    timer = _timer(item.get("timer"), service=service)
    life = Life(
        notify=bool(item.get("notify", True)) and timer is None,
        watchdog=str(item.get("watchdog") or ""),
        fd_store=int(item.get("fd_store") or 0),
        stop_timeout=str(item.get("stop_timeout") or "30s"),
        timer=timer,
        hooks=Hooks(*([str(word) for word in hooks.get(name) or []] for name in Hooks._fields)),
        core_dumps=bool(diagnostics.get("core_dumps", False)),
        profiles=bool(diagnostics.get("profiles", False)),
    )
    if life.watchdog and not life.notify:
        raise HostError(
            f"service {service}",
            wanted="signs of life over NOTIFY_SOCKET for its watchdog",
            found="a timer" if timer else "notify: false",
            remedy="Leave watchdog out, or have the program send READY=1 and WATCHDOG=1 and set notify: true.",
        )
    if timer and life.fd_store:
        raise HostError(
            f"service {service}",
            wanted="a process that is replaced by another one, for fd_store",
            found="a timer",
            remedy="Leave fd_store or timer out.",
        )
    return life


def _timer(item: t.Mapping[str, t.Any] | None, *, service: str) -> Timer | None:
    if item is None:
        return None
    timer = Timer(
        on_calendar=[str(time) for time in item.get("on_calendar") or []],
        on_boot=str(item.get("on_boot") or ""),
        every=str(item.get("every") or ""),
        random_delay=str(item.get("random_delay") or ""),
        persistent=bool(item.get("persistent", True)),
        max_runtime=str(item.get("max_runtime") or ""),
    )
    if not (timer.on_calendar or timer.on_boot or timer.every):
        raise HostError(
            f"timer of service {service}",
            wanted="when to start it: on_calendar, on_boot or every",
            found="none of them",
            remedy="Write it like on_calendar: [daily].",
        )
    return timer


def life_lines(life: Life, *, command: t.Callable[[t.Sequence[str]], str]) -> list[str]:
    """The settings of a service unit.

    :param command: writes a command of the hooks
    """
    commands = [
        ("ExecStartPre", life.hooks.before_start),
        ("ExecStartPost", life.hooks.warm_up),
        ("ExecReload", life.hooks.reload),
        ("ExecStop", life.hooks.drain),
        ("ExecStopPost", life.hooks.after_stop),
    ]
    lines = [f"{key}={command(words)}" for key, words in commands if words]
    if life.timer:
        limit = plain(life.timer.max_runtime) or "infinity"
        return [*lines, f"TimeoutStartSec={limit}", f"TimeoutStopSec={plain(life.stop_timeout)}"]
    lines += ["Restart=on-failure", "RestartSec=1s", f"TimeoutStopSec={plain(life.stop_timeout)}"]
    if life.watchdog:
        lines.append(f"WatchdogSec={plain(life.watchdog)}")
    if life.fd_store:
        # systemd 254 and newer keep the descriptors while the unit is stopped, too; an older one for a restart.
        lines += [f"FileDescriptorStoreMax={life.fd_store}", "FileDescriptorStorePreserve=yes"]
    return lines
