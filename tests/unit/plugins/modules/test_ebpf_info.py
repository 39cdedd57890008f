# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.info import ARGUMENTS
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.profiles import PROFILES
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.modules import ebpf_info


def run(capsys: pytest.CaptureFixture[str], **arguments: t.Any) -> dict[str, t.Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        ebpf_info.main()
    result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize("check_mode", [False, True])
def test_this_machine_is_probed_and_nothing_stays_open(
    capsys: pytest.CaptureFixture[str], check_mode: bool
) -> None:
    before = len(list(pathlib.Path("/proc/self/fd").iterdir()))
    result = run(capsys, subsets=["environment", "programs", "profiles"], _ansible_check_mode=check_mode)
    assert len(list(pathlib.Path("/proc/self/fd").iterdir())) == before
    assert result["changed"] is False
    assert set(result["profiles"]) == set(PROFILES)
    assert {answer["answer"] for answer in result["programs"].values()} <= {"yes", "no", "unknown"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"subsets": ["helper"]}, "helper"),
        ({"require": ["beyla"]}, "beyla"),
        ({"identity": [{"capabilities": []}]}, "name"),
        ({"identity": [{"name": "x", "unit": "a", "user": "b"}]}, "mutually exclusive"),
        ({"identity": [{"name": "x", "capabilites": []}]}, "capabilites"),
    ],
)
def test_invalid_options_are_refused(
    *, capsys: pytest.CaptureFixture[str], arguments: dict[str, t.Any], words: str
) -> None:
    assert words in run(capsys, **arguments)["msg"]


def test_an_error_is_reported(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: object, **more: object) -> t.NoReturn:
        raise HostError("obi_traces", wanted="every required profile", found="none", remedy="Grant it.")

    monkeypatch.setattr(ebpf_info, "read_ebpf", missing)
    assert run(capsys)["error"]["subject"] == "obi_traces"


def test_the_documentation_matches_the_argument_spec() -> None:
    documented = yaml.safe_load(ebpf_info.DOCUMENTATION)["options"]
    assert set(documented) == set(ARGUMENTS)
    for name, option in ARGUMENTS.items():
        for key in ("choices", "default"):
            assert documented[name].get(key) == option.get(key), (name, key)
