# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gofleet.hosts.plugins.filter.fleet_host import FilterModule as HostModule
from ansible_collections.gofleet.hosts.plugins.filter.fleet_report import FilterModule

fleet_report = FilterModule().filters()["fleet_report"]
FACTS = HostModule().filters()["fleet_host"]({"kernel_info": {"capabilities": {}, "values": {}}})


def states(hostvars: dict[str, t.Any]) -> list[str]:
    files = {one["name"]: one["content"] for one in fleet_report(hostvars, list(hostvars))}
    assert list(files) == ["fleet.json", "fleet.html"]
    assert files["fleet.html"].startswith("\n<!doctype html>") or files["fleet.html"].lstrip().startswith(
        "<!doctype html>"
    )
    return [host["state"] for host in json.loads(files["fleet.json"])["hosts"]]


def test_the_states_come_from_the_facts() -> None:
    assert states({"a": {"gofleet": FACTS}, "b": {"ansible_facts": {"gofleet": FACTS}}}) == [
        "answered",
        "answered",
    ]
    assert states({"a": {}}) == ["unreachable"]
    # A fact cache from another version of the collection.
    assert states({"a": {"gofleet": {**FACTS, "schema": 0}}}) == ["unreachable"]


def test_the_default_time_is_the_current_time() -> None:
    files = fleet_report({"a": {"gofleet": FACTS}}, ["a"], generated="2026-01-02T03:04:05Z")
    assert json.loads(files[0]["content"])["generated"] == "2026-01-02T03:04:05Z"
    files = fleet_report({"a": {"gofleet": FACTS}}, ["a"])
    assert json.loads(files[0]["content"])["generated"] > "2026-01-02T03:04:05Z"


@pytest.mark.parametrize(("hostvars", "hosts"), [([], ["a"]), ({}, "a"), (None, None)])
def test_other_values_are_rejected(hostvars: t.Any, hosts: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="wanted hostvars and a list"):
        fleet_report(hostvars, hosts)


def test_an_earlier_report_with_another_schema_is_rejected() -> None:
    with pytest.raises(AnsibleFilterError, match=r"old.json: wanted .* schema 1; found schema 7"):
        fleet_report({"a": {}}, ["a"], previous='{"schema": 7}', previous_path="old.json")
