# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._systemd.text import (
    contributing_units,
    is_drop_in,
    is_template,
    kind,
    owner,
    parse_show,
    services_of_socket,
    settings,
    show_blocks,
    wrong_name,
)


@pytest.mark.parametrize(
    "name",
    ["x.service", "x@.service", "x@a-1.socket", "x.timer", "x.service.d/10-y.conf", "x@.service.d/a.conf"],
)
def test_names_of_units_and_drop_ins_are_valid(name: str) -> None:
    assert wrong_name(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "x.conf",
        "../x.service",
        "/etc/x.service",
        "x.service.d/",
        "x.service.d/y",
        "a/b.service",
        "x y.service",
        "service.d/10-y.conf",
        "x.service.d/../y.conf",
        "x.service\n",
    ],
)
def test_other_names_are_invalid(name: str) -> None:
    assert wrong_name(name) is not None


def test_a_drop_in_belongs_to_its_unit() -> None:
    assert is_drop_in("x.service.d/10-y.conf")
    assert owner("x.service.d/10-y.conf") == "x.service"
    assert owner("x.socket") == "x.socket"
    assert kind("x.socket.d/a.conf") == "socket"


def test_a_template_contributes_to_its_instances() -> None:
    assert contributing_units("x@1.service") == ("x@1.service", "x@.service")
    assert contributing_units("x.service") == ("x.service",)
    assert is_template("x@.service")
    assert not is_template("x@1.service")


def test_blocks_come_in_the_order_of_the_names() -> None:
    text = "ActiveState=active\nMainPID=7\n\nActiveState=inactive\nTriggers=a.service b.service\n"
    assert parse_show(text, names=["x.service", "x.socket"]) == {
        "x.service": {"ActiveState": "active", "MainPID": "7"},
        "x.socket": {"ActiveState": "inactive", "Triggers": "a.service b.service"},
    }


def test_an_empty_assignment_resets_the_list() -> None:
    text = (
        "[Service]\nExecStart=/a\nExecStart=\n# ExecStart=/c\nExecStart=/b \\\n  -x\n[Other]\nExecStart=/d\n"
    )
    assert settings(text, "Service", "ExecStart") == ["/b    -x"]
    assert settings(text, "Install", "WantedBy") == []


@pytest.mark.parametrize(
    ("text", "shown", "services"),
    [
        ("[Socket]\nService=y.service\n", {"Triggers": "old.service"}, ["y.service"]),
        ("[Socket]\n", {"Triggers": "old.service"}, ["x.service"]),
        (None, {"Triggers": "y.service"}, ["y.service"]),
        (None, {}, ["x.service"]),
    ],
)
def test_the_service_of_a_socket(text: str | None, shown: dict[str, str], services: list[str]) -> None:
    assert services_of_socket("x.socket", text=text, shown=shown) == services


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("A=1\nB=2=3\n\nA=4\n", [{"A": "1", "B": "2=3"}, {"A": "4"}]),
        ("A=1\n\n\n\nA=2\n\n", [{"A": "1"}, {"A": "2"}]),
        ("", []),
        ("\n\n", []),
        ("no equals sign\n", []),
        ("\x00\n", []),
    ],
)
def test_properties(text: str, blocks: list[dict[str, str]]) -> None:
    assert show_blocks(text) == blocks
