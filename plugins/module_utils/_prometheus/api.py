# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Ask a running Prometheus over its HTTP API whether it loaded its configuration and which targets are up."""

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
    "Target",
    "TargetHealth",
    "http_fetch",
    "reload_status",
    "target_health",
    "wait_ready",
    "wait_reloaded",
    "wait_up",
]

# Returns the text at a path of the server, or None while it does not answer.
Fetch = t.Callable[[str], t.Optional[str]]

PAUSE_SECONDS = 0.5  # between two requests
READY_SECONDS = (
    120.0  # a starting Prometheus replays its write-ahead log, which takes a minute on a slow disk
)
RELOAD_SECONDS = 60.0


class Target(t.NamedTuple):
    """The scrape pool (job_name in the configuration), job label and address of a target."""

    pool: str
    job: str
    address: str


class TargetHealth(t.NamedTuple):
    """The health of a target in Prometheus, which is up, down, unknown (not scraped yet) or absent."""

    target: Target
    health: str
    last_error: str

    def report(self) -> dict[str, str]:
        """Return the entry for the module's result."""
        return {
            "job": self.target.job,
            "instance": self.target.address,
            "health": self.health,
            "last_error": self.last_error,
        }


class ReloadStatus(t.NamedTuple):
    """The metrics of Prometheus about its last configuration reload."""

    successful: bool
    success_time: str


def http_fetch(url: str) -> Fetch:
    """Return a Fetch for a server, which it connects to without a proxy."""

    def fetch(path: str) -> str | None:
        try:
            with open_url(f"{url.rstrip('/')}{path}", timeout=10, use_proxy=False) as response:
                return response.read().decode("utf-8", "replace")
        except (urllib.error.URLError, http.client.HTTPException, OSError):
            return None

    return fetch


def reload_status(fetch: Fetch) -> ReloadStatus | None:
    """Return the status of the last reload, or None while the server does not answer."""
    text = fetch("/metrics")
    if text is None:
        return None
    values = dict(re.findall(r"^prometheus_config_last_reload_(\w+) (\S+)$", text, re.MULTILINE))
    return ReloadStatus(
        successful=float(values.get("successful", "0")) == 1,
        success_time=values.get("success_timestamp_seconds", ""),
    )


def wait_ready(fetch: Fetch, *, url: str) -> ReloadStatus:
    """Wait until the server is ready and return the status of its last reload.

    :raises HostError: it was not ready in time
    """
    # Before the server is ready, its first load could be taken for the reload that we request.
    status = _wait_for(lambda: reload_status(fetch) if fetch("/-/ready") else None, seconds=READY_SECONDS)
    if status is None:
        raise HostError(
            url,
            wanted="a Prometheus server that is ready",
            found=f"no answer within {READY_SECONDS:.0f} s",
            remedy="Start it, or correct `url`. Nothing was changed.",
        )
    return status


def wait_reloaded(fetch: Fetch, *, since: ReloadStatus) -> bool:
    """Wait for a reload and return whether it succeeded.

    :param since: the status before the reload was requested
    """

    def outcome() -> bool | None:
        now = reload_status(fetch)
        if now is None or now == since:
            return None
        # A success changes the time of the last success. A failure changes only the flag.
        return now.successful and now.success_time != since.success_time

    return bool(_wait_for(outcome, seconds=RELOAD_SECONDS))


def target_health(fetch: Fetch, targets: t.Iterable[Target]) -> list[TargetHealth]:
    """Return the current health of each target."""
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
    healths = []
    for target in targets:
        # An address can be in several groups of a job. The worst health counts.
        all_health = found.get((target.pool, target.address), [("absent", absent)])
        healths.append(TargetHealth(target, *min(all_health, key=lambda pair: pair[0] == "up")))
    return healths


def wait_up(fetch: Fetch, targets: list[Target], *, seconds: int) -> list[TargetHealth]:
    """Wait until all targets are up and return their health.

    :raises HostError: a target is not up after ``seconds``
    """
    last: list[TargetHealth] = []

    def all_up() -> bool | None:
        last[:] = target_health(fetch, targets)
        return all(item.health == "up" for item in last) or None

    if _wait_for(all_up, seconds=seconds):
        return last
    missing = [item for item in last if item.health != "up"]
    raise HostError(
        f"{len(missing)} of {len(last)} targets",
        wanted=f"up within {seconds} s",
        found="; ".join(
            f"{item.target.job} {item.target.address} {item.health} ({item.last_error or 'no error given'})"
            for item in missing
        ),
        remedy="The configuration is valid and stays in place. Check that each target listens on its address and "
        "that no firewall blocks it, then run again.",
    )


Result = t.TypeVar("Result")


def _wait_for(read: t.Callable[[], Result | None], *, seconds: float) -> Result | None:
    deadline = time.monotonic() + seconds
    while True:
        result = read()
        if result is not None or time.monotonic() >= deadline:
            return result
        time.sleep(PAUSE_SECONDS)
