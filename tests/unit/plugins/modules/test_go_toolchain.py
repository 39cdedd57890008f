# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path
from unittest import mock

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.module_utils._converge import Plan
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.modules import go_toolchain

Planned = t.Union[Plan, HostError]


def ended() -> t.ContextManager[object]:
    return pytest.raises(SystemExit)


def run(capsys: pytest.CaptureFixture[str], planned: Planned | None, **options: t.Any) -> dict[str, t.Any]:
    outcome = {"side_effect": planned} if isinstance(planned, HostError) else {"return_value": planned}
    with patch_module_args(options), mock.patch.object(go_toolchain, "plan_toolchain", **outcome), ended():
        go_toolchain.main()
    result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
    return result


def upgrade(
    *, apply: t.Callable[[], dict[str, t.Any]], differs: bool = True, warnings: tuple[str, ...] = ()
) -> Plan:
    after = {"current": "1.27.3" if differs else "1.26.6"}
    result = {"active": "1.27.3", "installed": ["1.27.3"], "bytes_downloaded": 0}
    return Plan({"current": "1.26.6"}, after, apply, result, list(warnings))


def test_change(capsys: pytest.CaptureFixture[str]) -> None:
    planned = upgrade(apply=lambda: {"bytes_downloaded": 7}, warnings=("mind this",))
    # Not read from the result: Ansible tells a warning once a process, and other tests share this one.
    with mock.patch.object(go_toolchain.AnsibleModule, "warn") as warn:
        result = run(capsys, planned, versions=["1.27.3"])
    assert result["changed"]
    assert (result["active"], result["installed"], result["bytes_downloaded"]) == ("1.27.3", ["1.27.3"], 7)
    assert result["diff"] == [{"before": {"current": "1.26.6"}, "after": {"current": "1.27.3"}}]
    warn.assert_called_once_with("mind this")


def test_check_mode(capsys: pytest.CaptureFixture[str]) -> None:
    apply = mock.Mock()
    result = run(capsys, upgrade(apply=apply), versions=["1.27.3"], _ansible_check_mode=True)
    assert result["changed"]
    apply.assert_not_called()


def test_idempotent(capsys: pytest.CaptureFixture[str]) -> None:
    apply = mock.Mock()
    result = run(capsys, upgrade(apply=apply, differs=False), versions=["1.26.6"])
    assert not result["changed"]
    apply.assert_not_called()


def test_failure(capsys: pytest.CaptureFixture[str]) -> None:
    error = HostError("Go 1.24", wanted="it", found="none", remedy="Give the full version.")
    result = run(capsys, error, versions=["1.24"])
    assert result["failed"]
    assert result["msg"] == "Go 1.24: wanted it; found none. Give the full version."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "state is present but all of the following are missing: versions"),
        ({"versions": ["1.27.3"], "state": "latest"}, "value of state must be one of"),
        ({"versions": ["1.27.3"], "keep": "some"}, "keep"),
    ],
)
def test_options_are_checked(
    capsys: pytest.CaptureFixture[str], options: dict[str, t.Any], message: str
) -> None:
    assert message in run(capsys, None, **options)["msg"]


def test_a_run_without_changes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    options = {"state": "absent", "root": str(tmp_path / "a"), "bin_dir": str(tmp_path / "b")}
    with patch_module_args(options), ended():
        go_toolchain.main()
    assert not json.loads(capsys.readouterr().out)["changed"]
