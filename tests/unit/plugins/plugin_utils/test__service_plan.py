# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.gofleet.hosts.plugins.plugin_utils._service_plan import service_plan

ITEM: dict[str, t.Any] = {
    "name": "hello",
    "artefact": {"file": "x", "sha256": None},
    "port": 8080,
    "version": "1",
}


def test_gives_each_module_its_list() -> None:
    plan = service_plan([ITEM], root="/opt/gofleet", versions={"hello": {"version": "1"}})
    assert plan["releases"] == [{"name": "hello", "version": "1", "file": "x", "sha256": None}]
    assert [profile["name"] for profile in plan["profiles"]] == ["gofleet.hello"]
    assert [unit["name"] for unit in plan["units"]] == ["hello.socket", "hello.service"]
    service = plan["units"][1]
    assert service["release"] == {"path": "/opt/gofleet/hello", "version": "1"}
    assert service["health"] == {"url": "http://127.0.0.1:8080/healthz", "timeout": 30}


def test_a_service_without_a_port_has_one_unit_and_no_health() -> None:
    plan = service_plan([{**ITEM, "port": None}], root="/opt/gofleet", versions={"hello": "1"})
    assert [unit["name"] for unit in plan["units"]] == ["hello.service"]
    assert "health" not in plan["units"][0]
