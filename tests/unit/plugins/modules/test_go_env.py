# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from unittest import mock

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_env import EnvPlan
from ansible_collections.gofleet.hosts.plugins.modules import go_env

OPTIONS: dict[str, t.Any] = {"machine": {"GOPROXY": "off"}}
WRONG: dict[str, t.Any] = {"machines": {}}


def plan(*, differs: bool, apply: t.Callable[[], dict[str, t.Any]]) -> EnvPlan:
    return EnvPlan(
        {"x": 1},
        {"x": 2 if differs else 1},
        apply,
        {"effective": {"me": {"GOPROXY": {"value": "https://me:s3cret@x.example"}}}},
        {"s3cret"},
    )


def run(capsys: pytest.CaptureFixture[str], planned: t.Any, **options: t.Any) -> dict[str, t.Any]:
    outcome = {"side_effect": planned} if isinstance(planned, HostError) else {"return_value": planned}
    with patch_module_args(options), mock.patch.object(go_env, "plan_go_env", **outcome), pytest.raises(
        SystemExit
    ):
        go_env.main()
    result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize(
    ("differs", "check", "applied"), [(True, False, 1), (True, True, 0), (False, False, 0), (False, True, 0)]
)
def test_change_check_mode_and_idempotent(
    capsys: pytest.CaptureFixture[str], differs: bool, check: bool, applied: int
) -> None:
    apply = mock.Mock(return_value={})
    result = run(capsys, plan(differs=differs, apply=apply), **OPTIONS, _ansible_check_mode=check)
    assert result["changed"] is differs
    assert apply.call_count == applied
    assert bool(result["diff"]) is differs


def test_failure(capsys: pytest.CaptureFixture[str]) -> None:
    error = HostError("it", wanted="this", found="that", remedy="Do so.")
    result = run(capsys, error, **OPTIONS)
    assert (result["failed"], result["error"]["remedy"]) == (True, "Do so.")


def test_wrong_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, None, **WRONG)["failed"]


def test_no_password_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, plan(differs=False, apply=dict), **OPTIONS)
    assert "s3cret" not in json.dumps(result)
    assert "x.example" in json.dumps(result)
