# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every role: what its argument_specs say is what its defaults are."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = pathlib.Path(__file__).parents[3]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
NAMES = [role.name for role in ROLES]


def load(path: pathlib.Path) -> dict[str, t.Any]:
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def specs(role: pathlib.Path) -> dict[str, dict[str, t.Any]]:
    return load(role / "meta/argument_specs.yml").get("argument_specs", {})


def options(role: pathlib.Path) -> dict[str, dict[str, t.Any]]:
    return {
        name: option for spec in specs(role).values() for name, option in (spec.get("options") or {}).items()
    }


@pytest.mark.parametrize("role", ROLES, ids=NAMES)
def test_defaults_are_the_options_that_have_one(role: pathlib.Path) -> None:
    documented = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert load(role / "defaults/main.yml") == documented


@pytest.mark.parametrize("role", ROLES, ids=NAMES)
def test_every_entry_point_has_a_spec(role: pathlib.Path) -> None:
    # A file that another file of the role includes is a part, not an entry point.
    texts = [path.read_text() for path in (role / "tasks").glob("*.yml")]
    parts = {name for text in texts for name in re.findall(r"_tasks:\s+(?:file:\s*)?(\w+)\.yml", text)}
    entries = {path.stem for path in (role / "tasks").glob("*.yml")} - parts
    assert set(specs(role)) == entries
    assert all(spec.get("short_description") for spec in specs(role).values())


@pytest.mark.parametrize("role", ROLES, ids=NAMES)
def test_names_start_with_the_role(role: pathlib.Path) -> None:
    assert [name for name in options(role) if not name.startswith(f"{role.name}_")] == []
    internal = load(role / "vars/main.yml")
    assert [name for name in internal if not name.startswith(f"__{role.name}_")] == []


@pytest.mark.parametrize("role", ROLES, ids=NAMES)
def test_an_option_without_a_default_stands_commented_out(role: pathlib.Path) -> None:
    text = (role / "defaults/main.yml").read_text()
    missing = [
        name
        for name, option in options(role).items()
        if "default" not in option and not re.search(rf"^# ?{name}:", text, re.MULTILINE)
    ]
    assert missing == []
