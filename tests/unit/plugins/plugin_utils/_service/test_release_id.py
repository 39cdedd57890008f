# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import shutil
import sys

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.release_id import (
    release_id,
    services_of,
    versions_of,
)

FLEET = {
    "a": [{"name": "hello", "port": 1}, {"name": "other"}],
    "b": [{"port": 1, "name": "hello"}],
    "c": [{"name": "hello", "port": 2}],
}


def test_every_description_once() -> None:
    assert services_of(FLEET, ["hello"]) == [{"name": "hello", "port": 1}, {"name": "hello", "port": 2}]
    assert [one["name"] for one in services_of(FLEET, [])] == ["hello", "hello", "other"]
    assert services_of({"a": []}, []) == []


def test_the_versions_of_what_was_found_on_a_host() -> None:
    found = {"units": [], "releases": {"hello": {"version": "2", "programs": {}}, "new": {}}}
    assert versions_of(found) == {"hello": "2", "new": None}
    assert versions_of({}) == {}


def test_a_name_for_what_is_rolled_out(tmp_path: pathlib.Path) -> None:
    shutil.copy(sys.executable, tmp_path / "program")
    services = [{"name": "hello", "artefact": {"file": "program"}}]
    name = release_id(services, base=str(tmp_path))
    assert len(name) == 12
    # Another place, the same program.
    moved = [{"name": "hello", "artefact": {"file": str(tmp_path / "program")}}]
    assert release_id(moved, base="/") == name
    assert release_id([{**moved[0], "arguments": ["-v"]}], base="/") != name
    with (tmp_path / "program").open("ab") as file:
        file.write(b"x")
    assert release_id(moved, base="/") != name
    assert release_id([{"name": "hello", "artefact": {"installed": "/bin/x"}}], base="/") != name


def test_sources_are_built_first(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOCACHE", str(pathlib.Path("~/.cache/go-build").expanduser()))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "go.mod").write_text("module example.com/m\n")
    (tmp_path / "main.go").write_text("package main\n\nfunc main() {}\n")
    services = [{"name": "hello", "artefact": {"build": {"directory": "."}}}]
    name = release_id(services, base=str(tmp_path))
    assert release_id(services, base=str(tmp_path)) == name
    (tmp_path / "main.go").write_text("package main\n\nfunc main() { println() }\n")
    assert release_id(services, base=str(tmp_path)) != name


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(HostError, match="a program that the controller can read"):
        release_id([{"name": "hello", "artefact": {"file": "none"}}], base="/nowhere")
