# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Parse when a service starts, which commands run around it, and what is kept when its process ends."""

from __future__ import annotations

import typing as t

from ...module_utils._errors import HostError
from .syntax import plain

__all__ = ["Hooks", "Lifecycle", "Timer", "lifecycle_lines", "parse_lifecycle"]


class Timer(t.NamedTuple):
    """When systemd starts a service that runs to its end.

    Times are in the format of systemd.time(7).
    """

    on_calendar: list[str]
    on_boot: str
    every: str
    random_delay: str
    persistent: bool
    max_runtime: str


class Hooks(t.NamedTuple):
    """Commands as lists of words.

    The first word is a path on the host, or in the release if relative.
    """

    before_start: list[str]
    warm_up: list[str]
    reload: list[str]
    drain: list[str]
    after_stop: list[str]


class Lifecycle(t.NamedTuple):
    """The lifecycle of a service.

    notify: whether the program sends READY=1
    watchdog, stop_timeout: times in the format of systemd.time(7)
    fd_store: how many file descriptors systemd keeps for the next process
    """

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


def parse_lifecycle(item: t.Mapping[str, t.Any], *, service: str) -> Lifecycle:
    """Return the lifecycle that the user described.

    :raises HostError: options that exclude each other, or a timer without a time
    """
    hooks = item.get("hooks") or {}
    diagnostics = item.get("diagnostics") or {}
    timer = _timer(item.get("timer"), service=service)
    lifecycle = Lifecycle(
        notify=bool(item.get("notify", True)) and timer is None,
        watchdog=str(item.get("watchdog") or ""),
        fd_store=int(item.get("fd_store") or 0),
        stop_timeout=str(item.get("stop_timeout") or "30s"),
        timer=timer,
        hooks=Hooks(*([str(word) for word in hooks.get(name) or []] for name in Hooks._fields)),
        core_dumps=bool(diagnostics.get("core_dumps", False)),
        profiles=bool(diagnostics.get("profiles", False)),
    )
    if lifecycle.watchdog and not lifecycle.notify:
        raise HostError(
            f"service {service}",
            wanted="notifications over NOTIFY_SOCKET for the watchdog",
            found="a timer" if timer else "`notify: false`",
            remedy="Omit `watchdog`, or let the program send READY=1 and WATCHDOG=1 and set `notify: true`.",
        )
    if timer and lifecycle.fd_store:
        raise HostError(
            f"service {service}",
            wanted="a service that keeps running, because of `fd_store`",
            found="a timer",
            remedy="Omit `fd_store` or `timer`.",
        )
    return lifecycle


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
            wanted="one of on_calendar, on_boot and every",
            found="none of them",
            remedy="Set one of them, such as `on_calendar: [daily]`.",
        )
    return timer


def lifecycle_lines(lifecycle: Lifecycle, *, command: t.Callable[[t.Sequence[str]], str]) -> list[str]:
    """Return the settings of a service unit.

    :param command: returns a hook as a command line
    """
    commands = [
        ("ExecStartPre", lifecycle.hooks.before_start),
        ("ExecStartPost", lifecycle.hooks.warm_up),
        ("ExecReload", lifecycle.hooks.reload),
        ("ExecStop", lifecycle.hooks.drain),
        ("ExecStopPost", lifecycle.hooks.after_stop),
    ]
    lines = [f"{key}={command(words)}" for key, words in commands if words]
    if lifecycle.timer:
        limit = plain(lifecycle.timer.max_runtime) or "infinity"
        return [*lines, f"TimeoutStartSec={limit}", f"TimeoutStopSec={plain(lifecycle.stop_timeout)}"]
    lines += ["Restart=on-failure", "RestartSec=1s", f"TimeoutStopSec={plain(lifecycle.stop_timeout)}"]
    if lifecycle.watchdog:
        lines.append(f"WatchdogSec={plain(lifecycle.watchdog)}")
    if lifecycle.fd_store:
        # systemd 254 or later keeps the descriptors also while the unit is stopped, older ones only in a restart.
        lines += [f"FileDescriptorStoreMax={lifecycle.fd_store}", "FileDescriptorStorePreserve=yes"]
    return lines
