# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.modules import ebpf_inventory_info


def run(capsys: pytest.CaptureFixture[str], **arguments: t.Any) -> dict[str, t.Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        ebpf_inventory_info.main()
    result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize("check_mode", [False, True])
def test_this_machine_is_probed_and_nothing_stays_open(
    capsys: pytest.CaptureFixture[str], check_mode: bool
) -> None:
    before = len(list(pathlib.Path("/proc/self/fd").iterdir()))
    result = run(capsys, _ansible_check_mode=check_mode)
    assert len(list(pathlib.Path("/proc/self/fd").iterdir())) == before
    assert result["changed"] is False
    assert result["complete"]["answer"] in ("yes", "no", "unknown")
    assert result["complete"]["reason"]
    assert result["comparison"]["answer"] == "no"


def test_a_returned_baseline_is_accepted_and_thresholds_have_defaults(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = run(capsys)
    second = run(capsys, baseline=first["baseline"])
    assert second["comparison"]["answer"] == "yes"
    assert [one for one in second["findings"] if one["kind"] == "growth"] == []
    third = run(capsys, baseline=first["baseline"], growth={"links": 0})
    assert third["comparison"]["answer"] == "yes"


def test_a_damaged_baseline_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, baseline={"schema": 0})
    assert (result["failed"], result["error"]["subject"]) == (True, "option baseline")


def test_a_misspelled_key_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "link" in run(capsys, budgets=[{"unit": "*", "link": 5}])["msg"]


def test_an_error_is_reported(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def without_ctypes() -> t.NoReturn:
        raise HostError("Python 3.8", wanted="ctypes", found="none", remedy="Install it.")

    monkeypatch.setattr(ebpf_inventory_info, "this_host", without_ctypes)
    assert run(capsys)["error"]["subject"] == "Python 3.8"
