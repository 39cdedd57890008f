# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor import load
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor import profiles as profiles_plan
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.policy import Kernel
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed
from ansible_collections.gofleet.hosts.plugins.modules import apparmor_profiles

PROFILE = {"name": "hello", "content": "profile hello {\n}\n"}


def run(capsys: pytest.CaptureFixture[str], **options: t.Any) -> dict[str, t.Any]:
    with patch_module_args(options), pytest.raises(SystemExit):
        apparmor_profiles.main()
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The profiles in a kernel that loads whatever the parser is given."""
    modes: dict[str, str] = {}

    def parser(argv: list[str], *, stdin: str | None = None, env: object = None) -> Completed:
        if argv[1] == "-r":
            modes[pathlib.Path(argv[-1]).name] = "complain" if "-C" in argv else "enforce"
        return Completed(0, "hello\n" if argv[1] == "-N" else "", "")

    monkeypatch.setattr(profiles_plan, "read_kernel", lambda sysfs: Kernel(dict(modes), None))
    monkeypatch.setattr(load, "read_kernel", lambda sysfs: Kernel(dict(modes), None))
    monkeypatch.setattr(apparmor_profiles, "host_runner", lambda module: parser)
    return modes


def test_changes_once_and_predicts_in_check_mode(
    capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path, kernel: dict[str, str]
) -> None:
    options = {"profiles": [{**PROFILE, "mode": "complain"}], "path": str(tmp_path)}
    predicted = run(capsys, _ansible_check_mode=True, **options)
    assert (predicted["changed"], predicted["loaded"], predicted["modes"]) == (True, ["hello"], {})
    assert list(tmp_path.iterdir()) == []
    first = run(capsys, **options)
    assert (first["changed"], first["modes"]) == (True, {"hello": "complain"})
    assert first["diff"] == predicted["diff"]
    second = run(capsys, **options)
    assert (second["changed"], second["loaded"]) == (False, [])


def test_a_host_without_apparmor_is_skipped(
    capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles_plan, "read_kernel", lambda sysfs: Kernel({}, "off"))
    result = run(capsys, profiles=[PROFILE], path=str(tmp_path))
    assert (result["changed"], result["skipped"]) == (False, [{"name": "hello", "reason": "off"}])


def test_a_profile_without_content_must_exist(
    capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path, kernel: dict[str, str]
) -> None:
    refused = run(capsys, profiles=[{"name": "hello"}], path=str(tmp_path))
    assert refused["failed"]
    assert "Set `content`" in refused["msg"]


def test_a_refusal_is_a_clear_failure(capsys: pytest.CaptureFixture[str]) -> None:
    refused = run(capsys, profiles=[{"name": "bin/hello", "state": "absent"}])
    assert refused["failed"]
    assert "slash" in refused["error"]["found"]
