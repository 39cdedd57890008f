# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.plan import service_plan

ROLE = pathlib.Path(__file__).parents[5] / "roles/go_service"
ITEM: dict[str, t.Any] = {
    "name": "hello",
    "artefact": {"file": "x", "sha256": None},
    "port": 8080,
    "version": "1",
}


def test_each_module_gets_its_list() -> None:
    plan = service_plan([ITEM], root="/opt/gofleet", versions={"hello": {"version": "1"}})
    assert plan["releases"] == [{"name": "hello", "version": "1", "file": "x", "sha256": None}]
    assert [profile["name"] for profile in plan["profiles"]] == ["gofleet.hello"]
    assert [unit["name"] for unit in plan["units"]] == ["hello.socket", "hello.service"]
    assert plan["sets"] == [{"name": "hello", "state": "present", "credentials": []}]
    assert plan["old_profiles"] == []
    service = plan["units"][1]
    assert service["release"] == {"path": "/opt/gofleet/hello", "version": "1"}
    assert service["health"] == {"url": "http://127.0.0.1:8080/healthz", "timeout": 30}


def test_a_service_without_a_port_has_one_unit_and_no_health() -> None:
    plan = service_plan([{**ITEM, "port": None}], root="/opt/gofleet", versions={"hello": "1"})
    assert [unit["name"] for unit in plan["units"]] == ["hello.service"]
    assert "health" not in plan["units"][0]


@pytest.mark.parametrize(
    ("changes", "units"),
    [
        ({"port": None, "timer": {"on_calendar": ["daily"]}}, ["hello.service", "hello.timer"]),
        (
            {"port": None, "instances": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]},
            ["hello@a.socket", "hello@a.service", "hello@b.socket", "hello@b.service"],
        ),
        (
            {"sockets": [{"name": "ops", "listen": "/run/x"}]},
            ["hello.socket", "hello-ops.socket", "hello.service"],
        ),
    ],
)
def test_units_of_each_kind_of_service(changes: dict[str, t.Any], units: list[str]) -> None:
    plan = service_plan([{**ITEM, **changes}], root="/opt/gofleet", versions={"hello": "1"})
    assert [unit["name"] for unit in plan["units"]] == units
    assert {unit["set"] for unit in plan["units"]} == {"hello"}


def test_a_service_with_a_timer_is_not_started_and_has_no_health_check() -> None:
    item = {**ITEM, "port": None, "timer": {"every": "1h"}}
    service, timer = service_plan([item], root="/opt/gofleet", versions={"hello": "1"})["units"]
    assert not {"state", "enabled", "health"} & set(service)
    assert (timer["state"], timer["enabled"]) == ("started", True)


def test_dependencies_start_first() -> None:
    items = [{**ITEM, "requires": ["db"]}, {**ITEM, "name": "db", "port": 5432}]
    units = service_plan(items, root="/opt/gofleet", versions={})["units"]
    assert [unit["name"] for unit in units] == ["db.socket", "db.service", "hello.socket", "hello.service"]
    assert "Requires=hello.socket db.service\n" in units[3]["content"]


def test_files_and_credentials_go_to_their_modules() -> None:
    item = {
        **ITEM,
        "config_files": [{"path": "etc/a", "content": "b"}],
        "credentials": [{"name": "token", "content": "S3CRET"}, {"name": "key", "path": "/etc/key"}],
    }
    plan = service_plan([item], root="/opt/gofleet", versions={"hello": "1"})
    assert plan["releases"][0]["files"] == [{"path": "etc/a", "content": "b"}]
    assert plan["sets"][0]["credentials"] == [{"name": "token", "content": "S3CRET"}]
    assert "S3CRET" not in str([plan["releases"], plan["profiles"], plan["units"]])


def test_an_installed_program_has_no_release() -> None:
    item = {"name": "build", "artefact": {"installed": "/usr/bin/go"}}
    plan = service_plan([item], root="/opt/gofleet", versions={})
    assert plan["releases"] == []
    assert "release" not in plan["units"][0]


def test_an_absent_service_is_removed_in_two_steps() -> None:
    plan = service_plan([{**ITEM, "state": "absent", "purge": True}], root="/opt/gofleet", versions={})
    assert (plan["releases"], plan["profiles"], plan["units"]) == ([], [], [])
    assert plan["old_profiles"] == [{"name": "gofleet.hello", "state": "absent"}]
    assert plan["sets"] == [
        {"name": "hello", "state": "absent", "store": "/opt/gofleet/hello", "purge": True}
    ]


class Noting(dict):  # type: ignore[type-arg]
    """A dictionary that notes which of its keys are asked for, and gives more of its kind."""

    def __init__(self, options: dict[str, t.Any], seen: set[str], path: str = "") -> None:
        self._seen, self._path = seen, path
        super().__init__({name: self._value(name, option) for name, option in options.items()})

    def _value(self, name: str, option: dict[str, t.Any]) -> t.Any:
        if "options" not in option or name in VALUES:
            return VALUES.get(f"{self._path}{name}")
        inner = Noting(option["options"], self._seen, f"{self._path}{name}.")
        return [inner] if option["type"] == "list" else inner

    def __getitem__(self, key: str) -> t.Any:
        self._seen.add(self._path + key)
        return super().__getitem__(key)

    def get(self, key: str, default: t.Any = None) -> t.Any:
        self._seen.add(self._path + key)
        value = super().get(key)
        return default if value is None else value


VALUES = {
    "name": "hello",
    "artefact": {"file": "x"},
    "sockets.name": "ops",
    "sockets.listen": "/run/%i.sock",
    "instances.name": "a",
    "instances.port": 81,
    "credentials.name": "token",
    "credentials.content": "x",
    "config_files.path": "etc/a",
}
# Read where the timer or the artefact is, and by the modules themselves.
ELSEWHERE = ("artefact.", "config_files.", "metrics", "timer")


def test_every_option_of_the_role_is_read() -> None:
    specs = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]["main"][
        "options"
    ]
    options = specs["go_service_services"]["options"]
    seen: set[str] = set()
    item = Noting({name: option for name, option in options.items() if name != "timer"}, seen)
    service_plan([item], root="/opt/gofleet", versions={})
    service_plan([{"name": "x", "state": "absent"}], root="/opt/gofleet", versions={})
    timed: set[str] = set()
    timer = Noting(options["timer"]["options"], timed)
    timer["every"] = "1h"
    service_plan([{"name": "x", "artefact": {"file": "x"}, "timer": timer}], root="/opt/gofleet", versions={})
    assert timed == set(options["timer"]["options"])
    wanted = {name for name in _names(options) if not name.startswith(ELSEWHERE)} - {"purge"}
    assert wanted - seen == set()
    assert {name for name in seen if not name.startswith(ELSEWHERE)} - wanted == set()


def _names(options: dict[str, t.Any], path: str = "") -> t.Iterator[str]:
    for name, option in options.items():
        yield path + name
        yield from _names(option.get("options", {}), f"{path}{name}.")
