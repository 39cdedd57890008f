# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half, run for real by Ansible against this machine and a directory."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.action.release import ActionModule, _Wanted
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.cache import DeltaCache
from ansible_collections.gofleet.hosts.plugins.plugin_utils._release.artefact import read_artefact
from ansible_collections.gofleet.hosts.plugins.plugin_utils._release.delta import Payload

MAIN = "package main\n\nfunc main() {}\n"


def ansible(directory: pathlib.Path, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
    argv = [
        "ansible",
        "localhost",
        "--connection=local",
        "--diff",
        "-vvv",
        "--module-name=gofleet.hosts.release",
    ]
    argv += [f"--args={json.dumps(options)}", f"--tree={directory / 'results'}"]
    environment = {
        **os.environ,
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "HOME": str(directory / "home"),
    }
    environment.setdefault("GOCACHE", os.path.expanduser("~/.cache/go-build"))
    done = subprocess.run(
        argv + (["--check"] if check else []), env=environment, capture_output=True, text=True, check=False
    )
    written = directory / "results" / "localhost"
    assert written.exists(), done.stderr
    runs = len(re.findall(r"Using module file .*/release\.py", done.stdout))
    return {**json.loads(written.read_text()), "shown": done.stdout, "runs": runs}


@pytest.fixture
def sources(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "go.mod").write_text("module example.com/tiny\n\ngo 1.21\n")
    (tmp_path / "main.go").write_text(MAIN)
    return tmp_path


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go on this controller")
def test_builds_sends_once_and_predicts(sources: pathlib.Path, tmp_path: pathlib.Path) -> None:
    options = {
        "root": str(tmp_path / "opt"),
        "releases": [{"name": "tiny", "build": {"directory": str(sources)}}],
    }
    predicted = ansible(tmp_path, check=True, **options)
    assert (predicted["changed"], predicted["bytes_sent"]) == (True, 0)
    assert not (tmp_path / "opt").exists()
    first = ansible(tmp_path, **options)
    program = tmp_path / "opt" / "tiny" / first["releases"]["tiny"]["version"] / "tiny"
    assert 0 < first["bytes_sent"] < program.stat().st_size
    report = first["releases"]["tiny"]
    assert (report["method"], report["bytes_sent"]) == ("whole", first["bytes_sent"])
    assert subprocess.run([program], check=False).returncode == 0
    second = ansible(tmp_path, **options)
    assert (second["changed"], second["bytes_sent"]) == (False, 0)
    assert second["releases"]["tiny"]["method"] == "none"


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go on this controller")
def test_a_new_build_travels_as_what_differs(sources: pathlib.Path, tmp_path: pathlib.Path) -> None:
    pytest.importorskip("bsdiff4")
    build = {"directory": str(sources), "ldflags": "-s -w"}
    options = {"root": str(tmp_path / "opt"), "switch": True}
    files = [{"path": "etc/tiny.conf", "content": "port = 1\n"}]
    ansible(tmp_path, **options, releases=[{"name": "tiny", "build": build, "files": files}])
    (sources / "main.go").write_text('package main\n\nfunc main() { println("two") }\n')
    second = ansible(tmp_path, **options, releases=[{"name": "tiny", "build": build, "files": files}])
    report = second["releases"]["tiny"]
    assert second["runs"] == 1  # it was remembered what this host was left with
    size = pathlib.Path(report["executable"]).stat().st_size
    assert (report["method"], report["hint"]) == ("bsdiff", None)
    assert 0 < second["bytes_sent"] < size / 100 + 200_000
    assert subprocess.run([report["executable"]], capture_output=True, check=True).stderr == b"two\n"
    (tmp_path / "src.conf").write_text("port = 2\n")
    files = [{"path": "etc/tiny.conf", "src": str(tmp_path / "src.conf")}]
    third = ansible(tmp_path, **options, releases=[{"name": "tiny", "build": build, "files": files}])
    report = third["releases"]["tiny"]
    assert (report["method"], third["changed"]) == ("same", True)
    assert third["bytes_sent"] < 1000
    assert "--- before: tiny/etc/tiny.conf" in third["shown"]
    assert "-port = 1\n+port = 2\n" in third["shown"]
    tree = tmp_path / "opt" / "tiny"
    assert (tree / "current" / "etc" / "tiny.conf").read_text() == "port = 2\n"
    assert (tree / "previous" / "etc" / "tiny.conf").read_text() == "port = 1\n"


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go on this controller")
def test_a_host_that_was_left_with_another_build(sources: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """As after a build that was taken back: one more run on the host, and the delta from what is in use there."""
    pytest.importorskip("bsdiff4")
    item = {"build": {"directory": str(sources), "ldflags": "-s -w"}}
    options: dict[str, t.Any] = {"root": str(tmp_path / "opt"), "switch": True}
    both = [{"name": "one", **item}, {"name": "two", **item}]
    ansible(tmp_path, **options, releases=both)
    (sources / "main.go").write_text('package main\n\nfunc main() { println("two") }\n')
    ansible(tmp_path, **options, releases=both)
    store = tmp_path / "opt" / "one"
    left = os.readlink(store / "previous")
    (store / "current").unlink()
    (store / "current").symlink_to(left)
    (sources / "main.go").write_text('package main\n\nfunc main() { println("three") }\n')
    third = ansible(tmp_path, **options, releases=both)
    methods = [third["releases"][name]["method"] for name in ("one", "two")]
    assert (third["runs"], methods) == (2, ["bsdiff", "bsdiff"])
    assert third["bytes_sent"] > sum(third["releases"][name]["bytes_sent"] for name in ("one", "two"))
    assert os.readlink(store / "previous") == left
    for name in ("one", "two"):
        program = third["releases"][name]["executable"]
        assert subprocess.run([program], capture_output=True, check=True).stderr == b"three\n"


def test_a_program_by_a_link(tmp_path: pathlib.Path) -> None:
    (tmp_path / "latest").symlink_to("/bin/true")
    options = {
        "root": str(tmp_path / "opt"),
        "releases": [{"name": "true", "file": str(tmp_path / "latest")}],
    }
    assert ansible(tmp_path, **options)["changed"] is True
    assert ansible(tmp_path, **options)["changed"] is False


class Action(ActionModule):
    """The controller's half with a host that refuses what it is told to refuse."""

    def __init__(self, artefact: pathlib.Path, *, refused: t.Callable[[dict[str, t.Any]], bool]) -> None:
        self.artefact = artefact
        self.refused = refused
        self.told: list[str] = []
        self.calls: list[bool] = []
        self._display = self  # type: ignore[assignment]

    def warning(self, text: str) -> None:
        self.told.append(text)

    def run_module(self, options: dict[str, t.Any]) -> dict[str, t.Any]:
        (item,) = options["releases"]
        self.calls.append(item["delta"])
        if self.refused(item):
            return {"failed": True, "msg": "no such luck"}
        return {"changed": True, "releases": {"tiny": {}}}

    def _sent(self, name: str, payload: Payload) -> dict[str, t.Any]:
        return {"artefact": payload.path, "delta": payload.delta}


@pytest.mark.parametrize(
    ("refused", "calls", "failed"),
    [
        (lambda item: False, [True], False),
        (lambda item: item["delta"], [True, False], False),
        (lambda item: True, [True, False], True),
    ],
)
def test_a_refused_delta_is_followed_by_the_whole_once(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    refused: t.Callable[[dict[str, t.Any]], bool],
    calls: list[bool],
    failed: bool,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    artefact = read_artefact("/bin/true")
    action = Action(tmp_path, refused=refused)
    options = {"releases": [{"name": "tiny", "delta": False}]}
    result = action._ship(options, _Wanted({"tiny": artefact}, {}, {}), DeltaCache())
    assert (action.calls, bool(result.get("failed"))) == (calls, failed)
    assert len(action.told) == len(calls) - 1
    assert all("the whole program is sent: no such luck" in text for text in action.told)
    if calls == [True, False] and not failed:
        assert result["releases"]["tiny"]["method"] == "whole"
        assert result["bytes_sent"] > result["releases"]["tiny"]["bytes_sent"] == artefact.size


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({}, "wanted one artefact: either file or build; found neither"),
        ({"file": "/bin/true", "build": {"directory": "/"}}, "found both"),
        ({"file": "/no/such/program"}, "/no/such/program: wanted a program that the controller can read"),
        ({"file": "/bin/true", "sha256": "0" * 64}, "wanted SHA-256 0000"),
        ({"fiel": "/bin/true"}, "fiel"),
        (
            {"file": "/bin/true", "files": [{"path": "../x", "content": "x"}]},
            "wanted a path inside the release",
        ),
        ({"file": "/bin/true", "files": [{"path": "x"}]}, "either content or src; found neither"),
        (
            {"file": "/bin/true", "files": [{"path": "x", "src": "/no/such"}]},
            "/no/such: wanted a file that the con",
        ),
    ],
)
def test_refuses_on_the_controller(tmp_path: pathlib.Path, item: dict[str, t.Any], message: str) -> None:
    refused = ansible(tmp_path, root=str(tmp_path / "opt"), releases=[{"name": "tiny", **item}])
    assert message in refused["msg"]
    assert not (tmp_path / "opt").exists()
