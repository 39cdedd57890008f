# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._converge import Plan
from ansible_collections.gofleet.hosts.plugins.modules import go_workspace

from .planned_module import BEFORE, Apply, PlannedModule, after


class TestModule(PlannedModule):
    module = go_workspace
    planner = "plan_workspace"
    options: t.ClassVar[dict[str, t.Any]] = {"path": "/srv", "modules": ["a"]}
    wrong: t.ClassVar[dict[str, t.Any]] = {"path": "/srv"}

    def plan(self, *, differs: bool, apply: Apply) -> Plan:
        return Plan(BEFORE, after(differs=differs), apply, {"path": "/srv/go.work"})

    def test_the_path_of_the_workspace(self, capsys: pytest.CaptureFixture[str]) -> None:
        result = self.run(capsys, self.plan(differs=False, apply=dict), **self.options)
        assert result["path"] == "/srv/go.work"
