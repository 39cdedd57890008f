# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._converge import Plan
from ansible_collections.gofleet.hosts.plugins.modules import go_env

from .planned_module import BEFORE, Apply, PlannedModule, after


class TestModule(PlannedModule):
    module = go_env
    planner = "plan_go_env"
    options: t.ClassVar[dict[str, t.Any]] = {"machine": {"GOPROXY": "off"}}
    wrong: t.ClassVar[dict[str, t.Any]] = {"machines": {}}

    def plan(self, *, differs: bool, apply: Apply) -> Plan:
        proxy = {"value": "https://me:s3cret@x.example"}
        result = {"effective": {"me": {"GOPROXY": proxy}}}
        return Plan(BEFORE, after(differs=differs), apply, result, secrets={"s3cret"})

    def test_no_password_is_shown(self, capsys: pytest.CaptureFixture[str]) -> None:
        result = self.run(capsys, self.plan(differs=False, apply=dict), **self.options)
        assert "s3cret" not in json.dumps(result)
        assert "x.example" in json.dumps(result)
