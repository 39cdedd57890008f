# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""A profile enforced on trial: taken back unless its service stays well and nothing is denied."""

from __future__ import annotations

import time
import typing as t

from .._errors import HostError
from .._health import Health, health_of, wait_healthy
from .denials import denied_since

if t.TYPE_CHECKING:
    from .._run import Runner

__all__ = ["Trial", "hold_trial", "trial_of"]

_PAUSE_SECONDS = 2.0
_SHOWN = 5
_REMEDY = "The old mode is back; apparmor_denials_info proposes rules."


class Trial(t.NamedTuple):
    """How many seconds, and the questions that have to be answered all the while."""

    seconds: float
    health: list[Health]


def trial_of(entry: t.Mapping[str, t.Any] | None) -> Trial | None:
    return Trial(entry["seconds"], [health_of(one) for one in entry["health"]]) if entry else None


def hold_trial(
    profile: str,
    trial: Trial,
    *,
    began: float,
    run: Runner,
    denied: t.Callable[..., tuple[list[str], str, str]] = denied_since,
    healthy: t.Callable[[Health], str | None] = wait_healthy,
    pause: t.Callable[[float], None] = time.sleep,
    clock: t.Callable[[], float] = time.monotonic,
) -> None:
    """Return when the time is over and all is well, else raise, as soon as it is not.

    :param began: when the profile was enforced, in seconds since 1970
    """
    deadline = clock() + trial.seconds
    while True:
        over = clock() >= deadline
        _refuse_sick(profile, [(health.url, healthy(health)) for health in trial.health])
        denials, complete, reason = denied(profile, since=began, run=run)
        _refuse_denials(profile, denials)
        if over and complete != "yes":
            raise HostError(
                profile,
                wanted="a log that tells whether anything was denied",
                found=reason,
                remedy="The old mode is back.",
            )
        if over:
            return
        pause(min(_PAUSE_SECONDS, max(0.0, deadline - clock())))


def _refuse_sick(profile: str, answers: t.Iterable[tuple[str, str | None]]) -> None:
    for url, sick in answers:
        if sick is not None:
            raise HostError(
                profile, wanted=f"{url} well while the profile is enforced", found=sick, remedy=_REMEDY
            )


def _refuse_denials(profile: str, denials: t.Sequence[str]) -> None:
    if denials:
        more = f" and {len(denials) - _SHOWN} more" if len(denials) > _SHOWN else ""
        raise HostError(
            profile,
            wanted="nothing denied while the profile is enforced on trial",
            found="denied: " + ", ".join(denials[:_SHOWN]) + more,
            remedy=_REMEDY,
        )
