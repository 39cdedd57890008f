# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Enforce a profile on trial while watching the health of its service and the log for denials."""

from __future__ import annotations

import time
import typing as t

from .._errors import HostError
from .._health import HealthCheck, parse_health, wait_healthy
from .denials import denied_since

if t.TYPE_CHECKING:
    from .._run import Runner

__all__ = ["Trial", "parse_trial", "run_trial"]

_PAUSE_SECONDS = 2.0
_SHOWN = 5
_REMEDY = "The old mode is restored. Use apparmor_denials_info to get rules for the denials."


class Trial(t.NamedTuple):
    """The length of a trial in seconds, and the health checks that must pass during it."""

    seconds: float
    health: list[HealthCheck]


def parse_trial(entry: t.Mapping[str, t.Any] | None) -> Trial | None:
    """Return the trial that the option ``trial`` describes, or None."""
    """Return the trial that the option ``trial`` describes, or None."""
    """Return the trial that the option ``trial`` describes, or None."""
    """Return the trial that the option ``trial`` describes, or None."""
    return Trial(entry["seconds"], [parse_health(one) for one in entry["health"]]) if entry else None


def run_trial(
    profile: str,
    trial: Trial,
    *,
    began: float,
    run: Runner,
    denied: t.Callable[..., tuple[list[str], str, str]] = denied_since,
    healthy: t.Callable[[HealthCheck], str | None] = wait_healthy,
    pause: t.Callable[[float], None] = time.sleep,
    clock: t.Callable[[], float] = time.monotonic,
) -> None:
    """Watch an enforced profile until the trial is over.

    :param began: when the profile was enforced, in seconds since 1970
    :raises HostError: a denial or a failed health check, at once; an incomplete log, at the end
    """
    deadline = clock() + trial.seconds
    while True:
        over = clock() >= deadline
        _require_healthy(profile, [(health.url, healthy(health)) for health in trial.health])
        denials, complete, reason = denied(profile, since=began, run=run)
        _refuse_denials(profile, denials)
        if over and complete != "yes":
            raise HostError(
                profile,
                wanted="a log that has every denial",
                found=reason,
                remedy="The old mode is restored.",
            )
        if over:
            return
        pause(min(_PAUSE_SECONDS, max(0.0, deadline - clock())))


def _require_healthy(profile: str, answers: t.Iterable[tuple[str, str | None]]) -> None:
    for url, error in answers:
        if error is not None:
            raise HostError(
                profile,
                wanted=f"a healthy answer from {url} while the profile is enforced",
                found=error,
                remedy="The old mode is restored. Check whether the service depends on something the profile denies.",
            )


def _refuse_denials(profile: str, denials: t.Sequence[str]) -> None:
    if denials:
        more = f" and {len(denials) - _SHOWN} more" if len(denials) > _SHOWN else ""
        raise HostError(
            profile,
            wanted="no denials while the profile is enforced on trial",
            found="denied: " + ", ".join(denials[:_SHOWN]) + more,
            remedy=_REMEDY,
        )
