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
from ansible_collections.gofleet.hosts.plugins.modules import go_service_info


def run(capsys: pytest.CaptureFixture[str], outcome: t.Any, **options: t.Any) -> dict[str, t.Any]:
    read = mock.patch.object(go_service_info, "read_go_service_info", side_effect=[outcome])
    with patch_module_args({"units": ["a.service"], **options}), read, pytest.raises(SystemExit):
        go_service_info.main()
    result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize("check", [True, False])
def test_it_only_reads(capsys: pytest.CaptureFixture[str], check: bool) -> None:
    result = run(capsys, {"units": []}, _ansible_check_mode=check)
    assert (result["changed"], result["units"]) == (False, [])


def test_failure(capsys: pytest.CaptureFixture[str]) -> None:
    error = HostError("x", wanted="a name", found="none", remedy="Give one.")
    assert run(capsys, error)["error"]["remedy"] == "Give one."
