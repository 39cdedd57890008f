# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor import denials
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.audit_log import (
    Reading,
    denials_of,
    line_records,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.policy import Kernel
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed
from ansible_collections.gofleet.hosts.plugins.modules import apparmor_denials_info

LINE = 'audit: type=1400 audit(1795647004.5:9): apparmor="ALLOWED" operation="open" profile="gofleet.x" name="/srv/x"'


def run(capsys: pytest.CaptureFixture[str], **options: t.Any) -> dict[str, t.Any]:
    with patch_module_args(options), pytest.raises(SystemExit):
        apparmor_denials_info.main()
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    records = line_records([LINE + ' denied_mask="r" fsuid=1 ouid=2'], printed=True)
    reading = Reading("journal", denials_of(records), [], 0.0)
    modes = {"gofleet.x": "complain", "other": "enforce"}
    monkeypatch.setattr(denials, "read_kernel", lambda sysfs: Kernel(modes, None))
    monkeypatch.setattr(denials, "read_log", lambda source, **more: reading)
    monkeypatch.setattr(
        apparmor_denials_info, "host_runner", lambda module: lambda argv, **more: Completed(0, "", "")
    )


@pytest.mark.parametrize("check", [False, True])
def test_it_reports_and_changes_nothing(
    capsys: pytest.CaptureFixture[str], kernel: None, check: bool
) -> None:
    result = run(capsys, since="@1", _ansible_check_mode=check)
    assert (result["changed"], result["source"], list(result["profiles"])) == (
        False,
        "journal",
        ["gofleet.x"],
    )
    profile = result["profiles"]["gofleet.x"]
    assert [rule["rule"] for rule in profile["rules"]] == ["/srv/x r,"]
    assert (profile["complete"], profile["mode"], profile["count"]) == ("yes", "complain", 1)


def test_a_host_without_apparmor_is_skipped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denials, "read_kernel", lambda sysfs: Kernel({}, "off"))
    result = run(capsys)
    assert (result["profiles"], result["skipped"]) == ({}, [{"name": "gofleet.*", "reason": "off"}])
    assert "failed" not in result


def test_failure(capsys: pytest.CaptureFixture[str], kernel: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(source: str, **more: object) -> Reading:
        raise HostError("log", wanted="one", found="none", remedy="Keep one.")

    monkeypatch.setattr(denials, "read_log", nothing)
    assert run(capsys)["error"]["remedy"] == "Keep one."
    assert run(capsys, source="elsewhere")["failed"]
