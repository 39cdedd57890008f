# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans alone; what comes of them is tested with the module."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._converge import Plan
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.copy import (
    delta_copy_spec,
    plan_copy,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.manifest import read_manifest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError

DELTA = {"path": "/none", "offset": 0, "length": 5, "size": 5, "sha256": "ab"}


class NoLabels:
    """A host without SELinux."""

    def selinux_enabled(self) -> bool:
        return False

    selinux_context = selinux_default_context = set_context_if_different = None


def plan(dest: Path, content: bytes, **options: t.Any) -> Plan:
    source = dest.with_name("source")
    source.write_bytes(content)
    params = {
        **{name: option.get("default") for name, option in delta_copy_spec().items()},
        "dest": str(dest),
        "content": {"root": read_manifest(str(source)).root, "is_tree": False},
        **options,
    }

    def run(argv: list[str], **dummy: t.Any) -> t.NoReturn:
        raise AssertionError(f"{argv} while planning")

    return plan_copy(params, selinux=NoLabels(), run=run)  # type: ignore[arg-type]


def test_nothing_there(tmp_path: Path) -> None:
    found = plan(tmp_path / "x", b"new")
    assert (found.before, found.apply) == ({"root": None}, None)
    assert found.result["have"] == {"root": None, "received": {}}


def test_another_content(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")
    root = read_manifest(str(tmp_path / "x")).root
    found = plan(tmp_path / "x", b"new")
    assert (found.before, found.apply) == ({"root": root}, None)
    assert found.result["have"]["manifest"]["root"] == root
    assert "manifest" not in plan(tmp_path / "x", b"new", known=[root]).result["have"]


def test_the_same_content(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"same")
    found = plan(tmp_path / "x", b"same")
    assert found.before == found.after
    assert "have" not in found.result


def test_a_plan_with_a_delta_changes_nothing_yet(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")
    delta = {**DELTA, "old": "cd", "guessed": False}
    found = plan(tmp_path / "x", b"new", delta=delta)
    assert (found.before, found.apply is None) == ({"root": "cd"}, False)
    assert sorted(it.name for it in tmp_path.iterdir()) == ["source", "x"]


@pytest.mark.parametrize(
    ("there", "taken", "have"), [(b"old", True, False), (b"another", False, True), (b"new", False, False)]
)
def test_a_delta_from_what_was_guessed_to_be_here(
    tmp_path: Path, *, there: bytes, taken: bool, have: bool
) -> None:
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "x").write_bytes(there)
    delta = {**DELTA, "old": read_manifest(str(tmp_path / "old")).root, "guessed": True}
    found = plan(tmp_path / "x", b"new", delta=delta)
    assert (found.before == {"root": delta["old"]}) is taken
    assert ("have" in found.result, found.before == found.after) == (have, there == b"new")


@pytest.mark.parametrize("command", ["true", "check '%s", "%"])
def test_commands_that_check_nothing(tmp_path: Path, command: str) -> None:
    with pytest.raises(HostError, match="validate: wanted a command with %s"):
        plan(tmp_path / "x", b"new", validate=command)
