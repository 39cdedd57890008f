# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test how the plan compares. The test of the module covers what it does to a host."""

from __future__ import annotations

import os
import pathlib
import typing as t

from ansible_collections.gofleet.hosts.plugins.module_utils._converge import Plan
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus.files import parse_scraping
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus.plan import (
    Server,
    plan_scraping,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed


def plan(root: pathlib.Path, *targets: dict[str, t.Any], wait_up: int = 0) -> Plan:
    server = Server(
        config=os.fspath(root / "prometheus.yml"),
        directory=os.fspath(root / "gofleet"),
        url="http://127.0.0.1:1",
        unit="prometheus.service",
        wait_up=wait_up,
    )
    return plan_scraping(
        parse_scraping(targets, [], interval="15s"),
        server,
        run=t.cast(t.Any, lambda argv: Completed(0, "", "")),
        fetch=lambda path: None,
    )


def test_nothing_wanted_and_nothing_present_is_no_difference(tmp_path: pathlib.Path) -> None:
    nothing = plan(tmp_path)
    assert nothing.before == nothing.after == {}


def test_targets_that_are_down_are_no_difference(tmp_path: pathlib.Path) -> None:
    (tmp_path / "prometheus.yml").write_text("global: {}\n")
    target = {"job": "node", "targets": ["h:1"], "labels": {}}
    assert sorted(os.path.basename(name) for name in plan(tmp_path, target).after) == [
        "node.json",
        "prometheus.yml",
    ]
