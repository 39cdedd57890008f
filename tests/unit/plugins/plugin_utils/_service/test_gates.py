# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.gates import gate_conditions

Item = t.Dict[str, t.Any]
HEALTH = {"url": "http://127.0.0.1:8080/healthz", "timeout": 30}
UNITS: list[Item] = [
    {"name": "hello.socket"},
    {"name": "hello.service", "health": HEALTH},
    {"name": "hello.service.d/10-more.conf"},
    {"name": "quiet@.service"},
    {"name": "quiet.service"},
]
FOUND: Item = {
    "units": [{"name": unit["name"], "state": "started"} for unit in UNITS[:2]]
    + [{"name": "quiet.service", "state": "stopped"}],
    "restarts": {"hello.service": 3},
    "releases": {"hello": {"programs": {"hello.service": "/opt/gofleet/hello/2/hello"}}},
}
SERVICES: list[Item] = [{"name": "hello", "port": 8080}, {"name": "quiet", "metrics": False}]
ERRORS: Item = {"name": "errors", "kind": "ratio", "metric": "r", "max": 0.05, "max_increase": 0.01}
QUEUE: Item = {"name": "queue", "metric": "q", "max": 10, "service": "hello"}


def conditions(phase: str, *gates: Item, **changes: t.Any) -> dict[str, Item]:
    found = {"services": SERVICES, "units": UNITS, "found": FOUND, **changes}
    made = gate_conditions(
        found.pop("services"), found.pop("units"), found.pop("found"), gates=gates, phase=phase
    )
    assert len({one["name"] for one in made}) == len(made)
    return {one["name"]: one for one in made}


@pytest.mark.parametrize(
    ("phase", "names"),
    [
        ("old", ["active", "health"]),
        ("new", ["active", "restarts", "version", "health"]),
        ("back", ["active", "restarts", "version", "health"]),
    ],
)
def test_what_holds_for_every_service_that_runs(phase: str, names: list[str]) -> None:
    made = conditions(phase)
    assert list(made) == [f"hello.service {name}" for name in names]
    assert made["hello.service health"]["http"] == HEALTH["url"]
    if phase != "old":
        assert made["hello.service version"]["equals"] == "/opt/gofleet/hello/2/hello"
        # Three restarts of an earlier version are none of this one.
        assert made["hello.service restarts"] == {
            "name": "hello.service restarts",
            "unit": "hello.service",
            "max": 3,
        }


def test_the_gates_of_the_user_are_read_at_the_service() -> None:
    made = conditions("new", ERRORS, QUEUE)
    assert made["hello errors"] == {
        "name": "hello errors",
        "kind": "ratio",
        "metric": "r",
        "max": 0.05,
        "max_increase": 0.01,
        "url": "http://127.0.0.1:8080/metrics",
    }
    assert "service" not in made["hello queue"]
    assert not any(name.startswith("quiet") for name in made)


def test_the_old_version_is_measured_and_not_judged_by_them() -> None:
    made = conditions("old", ERRORS, QUEUE)
    assert made["hello errors"]["required"] is False
    assert "max" not in made["hello errors"]
    assert "hello queue" not in made


def test_what_was_put_back_is_only_to_be_well() -> None:
    assert "hello errors" not in conditions("back", ERRORS)


@pytest.mark.parametrize(
    ("service", "health", "page"),
    [
        ({"metrics": {"port": 9100, "path": "/m"}}, HEALTH, {"url": "http://127.0.0.1:9100/m"}),
        ({"metrics": True}, HEALTH, {"url": "http://127.0.0.1:8080/metrics"}),
        (
            {},
            {"url": "http://localhost/healthz", "unix_socket": "/run/h"},
            {"url": "http://localhost/metrics", "unix_socket": "/run/h"},
        ),
        ({"port": 81}, None, {"url": "http://127.0.0.1:81/metrics"}),
        ({}, None, None),
        ({"metrics": False, "port": 81}, HEALTH, None),
    ],
)
def test_where_metrics_are_read(service: Item, health: Item | None, page: Item | None) -> None:
    units = [{"name": "hello.service", "health": health}]
    made = conditions("new", QUEUE, services=[{"name": "hello", **service}], units=units).get("hello queue")
    assert (made and {key: made[key] for key in ("url", "unix_socket") if key in made}) == page


def test_a_query_and_a_page_of_its_own() -> None:
    query = {"name": "up", "query": "up", "min": 1}
    own = {"name": "own", "metric": "m", "max": 1, "url": "http://127.0.0.1:9/x"}
    made = conditions("new", query, own)
    assert made["hello up"] == {"name": "hello up", "query": "up", "min": 1}
    assert made["hello own"]["url"] == "http://127.0.0.1:9/x"


def test_health_with_a_socket_and_another_status() -> None:
    health = {"url": "http://x/healthz", "unix_socket": "/run/h", "status": 204}
    made = conditions("new", units=[{"name": "hello.service", "health": health}])
    assert made["hello.service health"] == {
        "name": "hello.service health",
        "kind": "status",
        "http": "http://x/healthz",
        "unix_socket": "/run/h",
        "equals": "204",
    }
