# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""A running Prometheus, seen over its HTTP API: is its configuration loaded, which targets are up."""

from __future__ import annotations

import http.client
import json
import re
import time
import typing as t
import urllib.error

from ansible.module_utils.urls import open_url

from .._errors import HostError

__all__ = [
    "Fetch",
    "Health",
    "Target",
    "http_fetch",
    "loaded",
    "target_health",
    "wait_answer",
    "wait_loaded",
    "wait_up",
]

# The text that a path of the server gives, or None while nobody answers.
Fetch = t.Callable[[str], t.Optional[str]]

PAUSE = 0.5  # seconds between two questions
SECONDS_TO_ANSWER = 120.0  # a Prometheus that starts replays its log first, which takes a slow disk a minute
SECONDS_TO_RELOAD = 60.0


class Target(t.NamedTuple):
    """What we ask to be scraped: the pool (the job_name of the configuration), the job label and the address."""

    pool: str
    job: str
    address: str


class Health(t.NamedTuple):
    """What Prometheus says of a target. ``health``: up, down, unknown (not scraped yet) or absent."""

    target: Target
    health: str
    last_error: str

    def report(self) -> dict[str, str]:
        return {
            "job": self.target.job,
            "instance": self.target.address,
            "health": self.health,
            "last_error": self.last_error,
        }


class Loaded(t.NamedTuple):
    """The gauges about the last reload."""

    successful: bool
    success_time: str


def http_fetch(url: str) -> Fetch:
    """A Fetch over HTTP, without any proxy: the server is a neighbour."""

    def fetch(path: str) -> str | None:
        try:
            with open_url(f"{url.rstrip('/')}{path}", timeout=10, use_proxy=False) as answer:
                return answer.read().decode("utf-8", "replace")
        except (urllib.error.URLError, http.client.HTTPException, OSError):
            return None

    return fetch


def loaded(fetch: Fetch) -> Loaded | None:
    """What the server says about its last reload, or None while it does not answer."""
    text = fetch("/metrics")
    if text is None:
        return None
    values = dict(re.findall(r"^prometheus_config_last_reload_(\w+) (\S+)$", text, re.MULTILINE))
    return Loaded(
        successful=float(values.get("successful", "0")) == 1,
        success_time=values.get("success_timestamp_seconds", ""),
    )


def wait_answer(fetch: Fetch, *, url: str) -> Loaded:
    """The gauges, as soon as the server answers."""
    # Ready, not only there: before that, the first load could be taken for the reload that we ask for.
    state = _until(lambda: loaded(fetch) if fetch("/-/ready") else None, seconds=SECONDS_TO_ANSWER)
    if state is None:
        raise HostError(
            url,
            wanted="a Prometheus that answers",
            found=f"no answer within {SECONDS_TO_ANSWER:.0f} s",
            remedy="Start it, or correct url; nothing was changed.",
        )
    return state


def wait_loaded(fetch: Fetch, *, since: Loaded) -> bool:
    """Whether a reload that was asked for after ``since`` took."""

    def outcome() -> bool | None:
        now = loaded(fetch)
        if now is None or now == since:
            return None
        # The time of the last success moves with each success; a failure lowers the flag only.
        return now.successful and now.success_time != since.success_time

    return bool(_until(outcome, seconds=SECONDS_TO_RELOAD))


def target_health(fetch: Fetch, targets: t.Iterable[Target]) -> list[Health]:
    """What the server says now of each target."""
    text = fetch("/api/v1/targets?state=active")
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    try:
        active = json.loads(text or "{}").get("data", {}).get("activeTargets", [])
    except ValueError:
        active = []
    for item in active:
        key = (item.get("scrapePool", ""), item.get("discoveredLabels", {}).get("__address__", ""))
        found.setdefault(key, []).append((item.get("health", "unknown"), item.get("lastError", "")))
    absent = "Prometheus does not answer" if text is None else "Prometheus does not list this target yet"
    answers = []
    for target in targets:
        # One address may stand in several groups of a job: the worst answer counts.
        all_health = found.get((target.pool, target.address), [("absent", absent)])
        answers.append(Health(target, *min(all_health, key=lambda pair: pair[0] == "up")))
    return answers


def wait_up(fetch: Fetch, targets: list[Target], *, seconds: int) -> list[Health]:
    """The health of the targets once all of them are up."""
    last: list[Health] = []

    def all_up() -> bool | None:
        last[:] = target_health(fetch, targets)
        return all(item.health == "up" for item in last) or None

    if _until(all_up, seconds=seconds):
        return last
    missing = [item for item in last if item.health != "up"]
    raise HostError(
        f"{len(missing)} of {len(last)} targets",
        wanted=f"up within {seconds} s",
        found="; ".join(
            f"{item.target.job} {item.target.address} {item.health} ({item.last_error or 'no error given'})"
            for item in missing
        ),
        remedy="The configuration stays, as it is valid: see that each target listens there and is not "
        "behind a firewall, then run again.",
    )


Answer = t.TypeVar("Answer")


def _until(ask: t.Callable[[], Answer | None], *, seconds: float) -> Answer | None:
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer is not None or time.monotonic() >= deadline:
            return answer
        time.sleep(PAUSE)
