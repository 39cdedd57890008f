# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from unittest import mock

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.module_utils._gate.sample import Response
from ansible_collections.gofleet.hosts.plugins.modules import metrics_gate

CONDITIONS = [{"name": "queue", "metric": "queue", "max": 10}]


def run(capsys: pytest.CaptureFixture[str], queue: float, **options: t.Any) -> dict[str, t.Any]:
    given = {"conditions": CONDITIONS, "url": "http://h/metrics", "samples": 1, **options}
    answers = mock.patch.object(
        metrics_gate, "http_fetch", return_value=lambda url, unix_socket: Response(200, f"queue {queue}\n")
    )
    with patch_module_args(given), answers, pytest.raises(SystemExit):
        metrics_gate.main()
    result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize("check", [True, False])
def test_check_mode_samples_too(capsys: pytest.CaptureFixture[str], check: bool) -> None:
    result = run(capsys, 3, _ansible_check_mode=check)
    assert (result["changed"], result["passed"], result["values"]["queue"]["value"]) == (False, True, 3)


def test_a_failed_gate_returns_its_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, 11)
    assert (result["failed"], result["passed"]) == (True, False)
    assert result["failed_conditions"] == ["queue"]
    assert result["error"]["found"] == "queue: no (queue: 11 is above 10)"
    assert result["conditions"][0]["limit"] == 10


def test_an_invalid_condition_fails_the_module(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, 1, conditions=[{"name": "queue", "max": 10}])
    assert result["error"]["subject"] == "condition queue"
    assert result["passed"] is False
