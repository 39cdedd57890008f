# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.module_utils._converge import Plan
from ansible_collections.gofleet.hosts.plugins.modules import systemd_units


def run(capsys: pytest.CaptureFixture[str], **options: t.Any) -> dict[str, t.Any]:
    with patch_module_args(options), pytest.raises(SystemExit):
        systemd_units.main()
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> dict[str, t.Any]:
    """The parameters that reach the plan, which is one of a single change."""
    seen: dict[str, t.Any] = {}

    def plan_units(params: dict[str, t.Any], **more: t.Any) -> Plan:
        seen.update(params)
        active = {"x.service": "inactive"}
        result = {"started": ["x.service"], "restarted": [], "exposure": {}, "active": active}
        return Plan(
            {"x.service": {"active": False}},
            {"x.service": {"active": True}},
            lambda: {"active": "after"},
            result,
        )

    monkeypatch.setattr(systemd_units, "plan_units", plan_units)
    return seen


def test_defaults_reach_the_plan(capsys: pytest.CaptureFixture[str], plan: dict[str, t.Any]) -> None:
    health = {"url": "http://127.0.0.1/"}
    run(capsys, units=[{"name": "x.service", "health": health}])
    assert (plan["path"], plan["start_timeout"]) == ("/etc/systemd/system", 120.0)
    assert plan["units"][0]["health"] == {
        **health,
        "status": 200,
        "timeout": 30.0,
        "unix_socket": None,
        "warm_up": [],
    }


def test_check_mode_predicts_and_a_run_applies(
    capsys: pytest.CaptureFixture[str], plan: dict[str, t.Any]
) -> None:
    predicted = run(capsys, units=[{"name": "x.service"}], _ansible_check_mode=True)
    assert (predicted["changed"], predicted["active"]) == (True, {"x.service": "inactive"})
    applied = run(capsys, units=[{"name": "x.service"}])
    assert (applied["changed"], applied["active"], applied["started"]) == (True, "after", ["x.service"])
    assert applied["diff"] == predicted["diff"]


def test_a_misspelled_option_of_a_unit_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    refused = run(capsys, units=[{"name": "x.service", "contents": ""}])
    assert refused["failed"]
    assert "contents" in refused["msg"]


def test_a_refusal_is_a_clear_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = run(capsys, units=[{"name": "no unit"}])
    assert refused["failed"]
    assert refused["error"]["subject"] == "'no unit'"
