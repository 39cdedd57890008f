# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import typing as t

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.modules import go_binary_info

NAMES = set(yaml.safe_load(go_binary_info.RETURN))


def run(capsys: pytest.CaptureFixture[str], **arguments: t.Any) -> dict[str, t.Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        go_binary_info.main()
    result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_processes_of_this_machine_and_nothing_left_open(
    capsys: pytest.CaptureFixture[str], check_mode: bool
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    result = run(capsys, _ansible_check_mode=check_mode)
    assert len(os.listdir("/proc/self/fd")) == before
    assert result["changed"] is False
    assert set(result) >= NAMES
    assert result["counts"]["processes"] > 0


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go on this machine")
def test_every_documented_key_is_returned_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    root = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    result = run(capsys, paths=[f"{root}/bin"], processes=False)
    names = [pathlib.Path(binary["path"]).name for binary in result["binaries"]]
    assert names == ["go", "gofmt"]
    documented = set(yaml.safe_load(go_binary_info.RETURN)["binaries"]["contains"])
    assert set(result["binaries"][0]) == documented
    assert {binary["starts_here"]["answer"] for binary in result["binaries"]} == {"yes"}


def test_an_error_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, processes=False)
    assert result["failed"] is True
    assert result["error"]["subject"] == "paths"


def test_a_missing_path_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(capsys, paths=["/no/such/path"], processes=False)
    assert (result.get("failed"), result["binaries"]) == (None, [])
    assert result["passed_over"] == [{"path": "/no/such/path", "reason": "No such file or directory"}]
