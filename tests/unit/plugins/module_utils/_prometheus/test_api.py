# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus import api
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus.api import (
    ReloadStatus,
    Target,
    http_fetch,
    reload_status,
    target_health,
    wait_ready,
    wait_reloaded,
    wait_up,
)

NODE = Target("gofleet-node", "node", "10.0.0.1:9100")


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(api, "READY_SECONDS", 0.05)
    monkeypatch.setattr(api, "RELOAD_SECONDS", 0.05)


def metrics(successful: int, time: str) -> str:
    name = "prometheus_config_last_reload"
    return f"# HELP x\n{name}_success_timestamp_seconds {time}\n{name}_successful {successful}\n"


def active(*items: tuple[str, str, str, str]) -> str:
    return json.dumps(
        {
            "data": {
                "activeTargets": [
                    {
                        "scrapePool": pool,
                        "discoveredLabels": {"__address__": address},
                        "health": health,
                        "lastError": error,
                    }
                    for pool, address, health, error in items
                ]
            }
        }
    )


def answers(*texts: str | None) -> api.Fetch:
    """A server that gives one text after the other, and the last one for ever."""
    left = list(texts)

    def fetch(path: str) -> str | None:
        return left.pop(0) if len(left) > 1 else left[0]

    return fetch


def test_a_server_that_does_not_answer() -> None:
    fetch = http_fetch("http://127.0.0.1:1")
    assert reload_status(fetch) is None
    assert target_health(fetch, [NODE])[0].health == "absent"
    with pytest.raises(HostError, match="a Prometheus server that is ready"):
        wait_ready(fetch, url="http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("since", "then", "took"),
    [
        (ReloadStatus(True, "1e9"), [metrics(1, "1e9"), None, metrics(1, "2e9")], True),
        (ReloadStatus(False, "1e9"), [metrics(1, "2e9")], True),
        (ReloadStatus(True, "1e9"), [metrics(1, "1e9"), metrics(0, "1e9")], False),
        (ReloadStatus(False, "1e9"), [metrics(0, "1e9")], False),
    ],
)
def test_an_earlier_reload_does_not_count(since: ReloadStatus, then: list[t.Any], took: bool) -> None:
    assert wait_reloaded(answers(*then), since=since) is took


def test_the_worst_health_of_a_pool_and_address_counts() -> None:
    text = active(
        ("node", NODE.address, "up", ""),
        (NODE.pool, NODE.address, "up", ""),
        (NODE.pool, NODE.address, "down", "refused"),
    )
    assert target_health(answers(text), [NODE])[0][1:] == ("down", "refused")
    assert target_health(answers(active()), [NODE])[0].health == "absent"


def test_waits_until_all_are_up() -> None:
    unknown, up = (
        active((NODE.pool, NODE.address, "unknown", "")),
        active((NODE.pool, NODE.address, "up", "")),
    )
    assert wait_up(answers(None, "no json", unknown, up), [NODE], seconds=5)[0].health == "up"


def test_names_each_target_that_is_not_up_with_its_error() -> None:
    text = active((NODE.pool, NODE.address, "down", "connection refused"))
    other = Target("gofleet-hello", "hello", "10.0.0.2:80")
    with pytest.raises(HostError) as caught:
        wait_up(answers(text), [NODE, other], seconds=0)
    assert "node 10.0.0.1:9100 down (connection refused)" in caught.value.found
    assert "hello 10.0.0.2:80 absent" in caught.value.found
