# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half, run for real by Ansible against this machine and a directory."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import typing as t

import pytest

MAIN = "package main\n\nfunc main() {}\n"


def ansible(directory: pathlib.Path, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
    argv = ["ansible", "localhost", "--connection=local", "--module-name=gofleet.hosts.release"]
    argv += [f"--args={json.dumps(options)}", f"--tree={directory / 'results'}"]
    environment = {**os.environ, "ANSIBLE_PYTHON_INTERPRETER": sys.executable}
    done = subprocess.run(
        argv + (["--check"] if check else []), env=environment, capture_output=True, text=True, check=False
    )
    written = directory / "results" / "localhost"
    assert written.exists(), done.stderr
    return json.loads(written.read_text())


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
    assert first["bytes_sent"] == program.stat().st_size
    assert subprocess.run([program], check=False).returncode == 0
    second = ansible(tmp_path, **options)
    assert (second["changed"], second["bytes_sent"]) == (False, 0)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({}, "wanted one artefact: either file or build; found neither"),
        ({"file": "/bin/true", "build": {"directory": "/"}}, "found both"),
        ({"file": "/no/such/program"}, "/no/such/program: wanted a program that the controller can read"),
        ({"file": "/bin/true", "sha256": "0" * 64}, "wanted SHA-256 0000"),
        ({"fiel": "/bin/true"}, "fiel"),
    ],
)
def test_refuses_on_the_controller(tmp_path: pathlib.Path, item: dict[str, t.Any], message: str) -> None:
    refused = ansible(tmp_path, root=str(tmp_path / "opt"), releases=[{"name": "tiny", **item}])
    assert message in refused["msg"]
    assert not (tmp_path / "opt").exists()
