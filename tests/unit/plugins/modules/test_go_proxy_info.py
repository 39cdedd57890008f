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
from ansible_collections.gofleet.hosts.plugins.modules import go_proxy_info

REPORT = {"modules": {"kind": "refused"}, "settings": {"GOPROXY": {"value": "https://me:s3cret@x.example"}}}


def run(capsys: pytest.CaptureFixture[str], outcome: t.Any, **options: t.Any) -> dict[str, t.Any]:
    read = mock.patch.object(go_proxy_info, "read_go_proxy_info", side_effect=[outcome])
    with patch_module_args(options), read, pytest.raises(SystemExit):
        go_proxy_info.main()
    result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize("check", [True, False])
def test_it_only_reads_and_hides_passwords(capsys: pytest.CaptureFixture[str], check: bool) -> None:
    result = run(capsys, (REPORT, {"s3cret"}), _ansible_check_mode=check)
    assert result["changed"] is False
    assert result["modules"]["kind"] == "refused"
    assert "s3cret" not in json.dumps(result)


def test_failure(capsys: pytest.CaptureFixture[str]) -> None:
    error = HostError("GOPROXY", wanted="a value", found="none", remedy="Give one.")
    assert run(capsys, error)["error"]["remedy"] == "Give one."
