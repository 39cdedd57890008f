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
from ansible_collections.gofleet.hosts.plugins.modules import io_uring_info


def run(capsys: pytest.CaptureFixture[str], **arguments: t.Any) -> dict[str, t.Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        io_uring_info.main()
    result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize("check_mode", [False, True])
def test_this_machine_and_nothing_left_open(capsys: pytest.CaptureFixture[str], check_mode: bool) -> None:
    before = len(list(pathlib.Path("/proc/self/fd").iterdir()))
    result = run(capsys, _ansible_check_mode=check_mode)
    assert len(list(pathlib.Path("/proc/self/fd").iterdir())) == before
    assert result["changed"] is False
    assert result["usable"] == result["setup"]["plain"]["answer"]
    assert result["reason"]


def test_an_error_is_reported(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def without_ctypes() -> t.NoReturn:
        raise HostError("Python 3.8", wanted="ctypes", found="none", remedy="Install it.")

    monkeypatch.setattr(io_uring_info, "this_host", without_ctypes)
    assert run(capsys)["error"]["subject"] == "Python 3.8"
