# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._converge import Plan
from ansible_collections.gofleet.hosts.plugins.modules import go_tool

from .planned_module import BEFORE, Apply, PlannedModule, after


class TestModule(PlannedModule):
    module = go_tool
    planner = "plan_go_tools"
    options: t.ClassVar[dict[str, t.Any]] = {"tools": [{"package": "a.example/x", "version": "v1.0.0"}]}
    wrong: t.ClassVar[dict[str, t.Any]] = {"tools": [{"package": "a.example/x"}]}

    def plan(self, *, differs: bool, apply: Apply) -> Plan:
        return Plan(BEFORE, after(differs=differs), apply, {"tools": {"x": "v1"}}, [])

    def test_the_tools_are_returned(self, capsys: pytest.CaptureFixture[str]) -> None:
        result = self.run(capsys, self.plan(differs=False, apply=dict), **self.options)
        assert result["tools"] == {"x": "v1"}
