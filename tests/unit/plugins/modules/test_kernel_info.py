# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.modules import kernel_info


def run(capsys: pytest.CaptureFixture[str], **arguments: t.Any) -> dict[str, t.Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        kernel_info.main()
    result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize("check_mode", [False, True])
def test_this_machine_is_probed(capsys: pytest.CaptureFixture[str], check_mode: bool) -> None:
    result = run(capsys, _ansible_check_mode=check_mode)
    assert result["changed"] is False
    assert set(result["values"]) == {*kernel_info.SUBSETS, "sysctl_origin"}
    assert result["capabilities"]["epoll_create1"]["answer"] == "yes"
    assert set(result["capabilities"]["psi"]) == {"answer", "decided_by", "reason"}


def test_only_the_requested_subset_is_returned(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, subsets=["thp"])
    assert set(result["values"]) == {"thp"}


def test_an_unknown_subset_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, subsets=["weather"])
    assert result["failed"] is True
    assert "subsets" in result["msg"]


def test_a_missing_unit_has_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, subsets=["thp"], units=["gofleet-no-such-unit"])
    assert set(result["values"]) == {"thp", "units", "unit_defaults"}
    unit = result["values"]["units"]["gofleet-no-such-unit"]
    assert unit["limits"] is None
    assert unit["reason"]


def test_the_documentation_names_every_subset() -> None:
    documented = yaml.safe_load(kernel_info.DOCUMENTATION)["options"]
    assert documented["subsets"]["choices"] == list(kernel_info.SUBSETS)
    sample = yaml.safe_load(kernel_info.RETURN)["values"]["sample"]
    assert set(sample) == {*kernel_info.SUBSETS, "sysctl_origin", "units", "unit_defaults"}
