# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import pathlib
import shutil
import subprocess

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._release.build import Build, build_program

MAIN = 'package main\n\nvar version = "none"\n\nfunc main() { println(version) }\n'


@pytest.fixture
def sources(tmp_path: pathlib.Path) -> pathlib.Path:
    directory = tmp_path / "sources"
    directory.mkdir()
    (directory / "go.mod").write_text("module example.com/tiny\n\ngo 1.21\n")
    (directory / "main.go").write_text(MAIN)
    return directory


def build(sources: pathlib.Path, *, ldflags: str = "", go: str = "go") -> Build:
    return Build(str(sources), ".", "amd64", ldflags, (), go)


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go on this controller")
def test_equal_sources_give_equal_bytes_wherever_they_lie(
    sources: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(sources, elsewhere)
    programs = [build_program(build(place), cache=str(tmp_path / "cache")) for place in (sources, elsewhere)]
    digests = {hashlib.sha256(pathlib.Path(program).read_bytes()).hexdigest() for program in programs}
    assert programs[0] != programs[1]
    assert len(digests) == 1


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go on this controller")
def test_linker_flags_reach_the_program(sources: pathlib.Path, tmp_path: pathlib.Path) -> None:
    program = build_program(build(sources, ldflags="-X main.version=1.2"), cache=str(tmp_path / "cache"))
    assert subprocess.run([program], capture_output=True, text=True, check=True).stderr == "1.2\n"


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go on this controller")
def test_a_build_error_is_told_with_the_compilers_words(
    sources: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (sources / "main.go").write_text(MAIN.replace("println", "printn"))
    with pytest.raises(HostError, match=r"(?s)go build ended with 1: .*undefined: printn"):
        build_program(build(sources), cache=str(tmp_path / "cache"))


def test_without_go_it_says_what_to_do(sources: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with pytest.raises(HostError, match="Install Go on the controller"):
        build_program(build(sources, go="no-such-go"), cache=str(tmp_path / "cache"))


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go on this controller")
def test_without_sources_it_says_so(tmp_path: pathlib.Path) -> None:
    with pytest.raises(HostError, match="found no such directory"):
        build_program(build(tmp_path / "none"), cache=str(tmp_path / "cache"))
