# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary.buildinfo import BuildInfo
from ansible_collections.gofleet.hosts.plugins.plugin_utils._release.artefact import (
    _sees_cpu_quota,
    read_artefact,
)


def test_reads_a_real_program() -> None:
    artefact = read_artefact(sys.executable)
    digest = subprocess.run(["sha256sum", sys.executable], capture_output=True, text=True, check=True)
    assert artefact.sha256 == digest.stdout.split()[0].lstrip("\\")
    assert artefact.size == pathlib.Path(sys.executable).stat().st_size


def test_refuses_what_is_no_program(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_text("#!/bin/sh\n")
    with pytest.raises(HostError, match="wanted an ELF executable"):
        read_artefact(str(tmp_path / "x"))


def test_refuses_what_is_not_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(HostError, match="wanted a program that the controller can read; found No such file"):
        read_artefact(str(tmp_path / "none"))


def test_tells_what_a_program_needs_of_its_host() -> None:
    needs = read_artefact(sys.executable).needs
    assert needs["interpreter"].startswith("/lib")
    assert any(name.startswith("libc.so") for name in needs["libraries"])
    assert any(version.startswith("GLIBC_2.") for version in needs["symbols"]["libc.so.6"])


def test_refuses_a_damaged_program(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_bytes(pathlib.Path(sys.executable).read_bytes()[:40])
    with pytest.raises(HostError, match="wanted an undamaged ELF executable; found damage"):
        read_artefact(str(tmp_path / "x"))


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go on this controller")
@pytest.mark.parametrize(("language", "sees"), [("1.25", True), ("1.24", False)])
def test_a_real_build_tells_whether_it_sees_its_cpu_quota(
    tmp_path: pathlib.Path, language: str, sees: bool
) -> None:
    (tmp_path / "go.mod").write_text(f"module example.com/tiny\n\ngo {language}\n")
    (tmp_path / "main.go").write_text("package main\n\nfunc main() {}\n")
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    subprocess.run(["go", "build", "-o", "tiny"], cwd=tmp_path, env=environment, check=True)
    program = read_artefact(str(tmp_path / "tiny")).program()
    assert program["go_version"].startswith("go1.")
    assert (program["sees_cpu_quota"], program["interpreter"]) == (sees, None)


@pytest.mark.parametrize(
    ("version", "settings", "sees"),
    [
        ("go1.24.11", {}, False),
        ("go1.25.5", {}, True),
        ("go1.26.6", {"DefaultGODEBUG": "a=1,containermaxprocs=0,updatemaxprocs=0"}, False),
        ("go1.26.6", {"DefaultGODEBUG": "a=1"}, True),
        ("devel go1.28-abcdef", {}, True),
        ("my own", {}, None),
    ],
)
def test_who_sees_its_cpu_quota(version: str, settings: dict[str, str], sees: bool | None) -> None:
    assert _sees_cpu_quota(BuildInfo(version, "main", None, (), settings)) is sees


def test_what_go_did_not_build_tells_nothing_of_go() -> None:
    program = read_artefact(sys.executable).program()
    assert (program["go_version"], program["sees_cpu_quota"]) == (None, None)
    assert program["interpreter"].startswith("/lib")
