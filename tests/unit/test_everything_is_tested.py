# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fails on anything of the collection that has no test of its name."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
PLUGINS = CHECKOUT / "plugins"
UNIT = CHECKOUT / "tests" / "unit"
TESTED = ["modules", "action", "module_utils", "plugin_utils", "filter"]


def _sources() -> list[pathlib.Path]:
    return sorted(
        path for room in TESTED for path in (PLUGINS / room).rglob("*.py") if path.name != "__init__.py"
    )


def _roles() -> list[str]:
    return sorted(path.name for path in (CHECKOUT / "roles").iterdir())


def _imports(test: pathlib.Path) -> str:
    lines = test.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if "import" in line)


IMPORTS = "\n".join(_imports(test) for test in sorted((UNIT / "plugins").rglob("test_*.py")))


@pytest.mark.parametrize("source", _sources(), ids=lambda path: str(path.relative_to(PLUGINS)))
def test_every_plugin_has_a_test(source: pathlib.Path) -> None:
    mirror = UNIT / "plugins" / source.parent.relative_to(PLUGINS) / f"test_{source.name}"
    if mirror.exists():
        assert "def test_" in mirror.read_text(encoding="utf-8")
    else:
        # Small files of one package may share a test, which then imports each by its whole name.
        assert source.parent.name not in ("modules", "action", "filter")
        package = re.escape(".".join(source.parent.relative_to(PLUGINS).parts))
        stem = re.escape(source.stem)
        assert re.search(rf"plugins\.{package}(\.{stem} import| import .*\b{stem}\b)", IMPORTS)


@pytest.mark.parametrize("role", _roles())
def test_every_role_is_converged_by_a_scenario(role: str) -> None:
    used = [CHECKOUT / "playbooks", CHECKOUT / "molecule", CHECKOUT / "tests" / "foreign_repo"]
    playbooks = [path for place in used for path in place.rglob("*.yml")]
    assert any(f"gofleet.hosts.{role}" in path.read_text(encoding="utf-8") for path in playbooks)


def test_every_module_is_in_the_action_group() -> None:
    runtime = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    modules = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))
    assert sorted(runtime["action_groups"]["all"]) == modules


def test_check_mode_is_known_by_one_file() -> None:
    knowing = [
        path.name
        for path in sorted((PLUGINS / "module_utils").rglob("*.py"))
        if "check_mode" in path.read_text(encoding="utf-8")
    ]
    assert knowing == ["_converge.py"]


def test_there_are_no_sanity_ignores() -> None:
    assert list((CHECKOUT / "tests").glob("sanity/ignore-*.txt")) == []
