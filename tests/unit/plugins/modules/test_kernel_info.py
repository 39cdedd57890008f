# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.modules import kernel_info


def run(capsys: pytest.CaptureFixture[str], **arguments: t.Any) -> dict[str, t.Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        kernel_info.main()
    result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize("check_mode", [False, True])
def test_everything_of_this_machine(capsys: pytest.CaptureFixture[str], check_mode: bool) -> None:
    result = run(capsys, _ansible_check_mode=check_mode)
    assert result["changed"] is False
    assert set(result["values"]) == set(kernel_info.SUBSETS)
    assert result["capabilities"]["epoll_create1"]["answer"] == "yes"
    assert set(result["capabilities"]["psi"]) == {"answer", "decided_by", "reason"}


def test_one_subset(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, subsets=["thp"])
    assert set(result["values"]) == {"thp"}


def test_an_unknown_subset_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, subsets=["weather"])
    assert result["failed"] is True
    assert "subsets" in result["msg"]
