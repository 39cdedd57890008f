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
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.identity import Identity
from ansible_collections.gofleet.hosts.plugins.modules import io_uring_info


def run(capsys: pytest.CaptureFixture[str], **arguments: t.Any) -> dict[str, t.Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        io_uring_info.main()
    result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize("check_mode", [False, True])
def test_this_machine_is_probed_and_nothing_stays_open(
    capsys: pytest.CaptureFixture[str], check_mode: bool
) -> None:
    before = len(list(pathlib.Path("/proc/self/fd").iterdir()))
    documented = yaml.safe_load(io_uring_info.RETURN)
    result = run(capsys, _ansible_check_mode=check_mode)
    assert len(list(pathlib.Path("/proc/self/fd").iterdir())) == before
    assert result["changed"] is False
    assert result["usable"] == result["setup"]["plain"]["answer"]
    assert result["reason"]
    assert result["identity"] is None
    assert set(documented) == set(result) - {"changed", "invocation"}


def test_an_error_is_reported(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def without_ctypes() -> t.NoReturn:
        raise HostError("Python 3.8", wanted="ctypes", found="none", remedy="Install it.")

    monkeypatch.setattr(io_uring_info, "query", without_ctypes)
    assert run(capsys)["error"]["subject"] == "Python 3.8"


def test_another_identity_is_probed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    queried: list[tuple[Identity, str, object]] = []

    def run_as(identity: Identity, *, run: object, function: str, arguments: object) -> dict[str, t.Any]:
        queried.append((identity, function, arguments))
        refused = {"usable": "no", "decided_by": "seccomp", "reason": "EPERM"}
        return {**refused, "setup": {"plain": refused}, "identity": {"unit": identity.unit}}

    monkeypatch.setattr(io_uring_info, "run_as", run_as)
    result = run(capsys, identity={"unit": "hello", "limit_memlock": "64K"})
    assert queried == [
        (Identity(unit="hello.service", limits={"memlock": "64K"}), "_io_uring.info:query", {})
    ]
    assert result["identity"] == {"unit": "hello.service"}
    assert "SystemCallFilter= in hello.service" in result["advice"]
    assert "epoll in every release" in result["go"]


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        ({"unit": "x", "user": "y"}, "mutually exclusive"),
        ({"unit": "x", "capabilities": ["CAP_BPF"]}, "mutually exclusive"),
        ({"units": "x"}, "Unsupported parameters"),
        ({"capabilities": ["none"]}, "CAP_NONE: wanted a capability"),
    ],
)
def test_an_invalid_identity_is_refused(
    capsys: pytest.CaptureFixture[str], identity: dict[str, t.Any], message: str
) -> None:
    result = run(capsys, identity=identity)
    assert result["failed"] is True
    assert message in result["msg"]
