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
from ansible_collections.gofleet.hosts.plugins.modules import kernel_symbol_info


def run(capsys: pytest.CaptureFixture[str], **arguments: t.Any) -> dict[str, t.Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        kernel_symbol_info.main()
    result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize("verify", ["none", "attach"])
def test_this_machine_is_probed_and_nothing_stays_open(
    capsys: pytest.CaptureFixture[str], verify: str, check_mode: bool
) -> None:
    before = len(list(pathlib.Path("/proc/self/fd").iterdir()))
    requests = [{"name": "vfs_read"}, {"name": "vfs_nonesuch", "methods": ["fentry"], "arguments": 3}]
    result = run(capsys, symbols=requests, verify=verify, _ansible_check_mode=check_mode)
    assert len(list(pathlib.Path("/proc/self/fd").iterdir())) == before
    assert result["changed"] is False
    there, missing = result["symbols"]
    assert there["verdict"]["answer"] in ("yes", "no", "unknown")
    assert missing["chosen"] is None
    assert missing["verdict"]["answer"] in ("no", "unknown")
    assert (there["attached"] is None) == (verify == "none" or there["kallsyms"] is None)


REFUSED = {
    "an unknown method": ({"methods": ["ptrace"]}, "methods"),
    "a misspelled key": ({"alternative": ["b"]}, "alternative"),
    "invalid arguments": ({"args": "many"}, "args as a number"),
}


@pytest.mark.parametrize(("entry", "words"), REFUSED.values(), ids=REFUSED)
def test_invalid_requests_are_refused(
    capsys: pytest.CaptureFixture[str], entry: dict[str, t.Any], words: str
) -> None:
    result = run(capsys, symbols=[{"name": "a", **entry}])
    assert result["failed"] is True
    assert words in result["msg"]


def test_an_error_is_reported(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def without_ctypes() -> t.NoReturn:
        raise HostError("Python 3.8", wanted="ctypes", found="none", remedy="Install it.")

    monkeypatch.setattr(kernel_symbol_info, "this_host", without_ctypes)
    assert run(capsys, symbols=[{"name": "a"}])["error"]["subject"] == "Python 3.8"
