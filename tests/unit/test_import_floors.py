# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Holds the floors of the packages in plugins/: which one may import which, and no circles.

CONTRIBUTING.md says what each package is for. A package imports from floors below its own.
"""

from __future__ import annotations

import ast
import pathlib
import typing as t

import graphlib
import pytest

PLUGINS = pathlib.Path(__file__).resolve().parents[2] / "plugins"

# From the lowest floor to the highest one.
MODULE_UTILS = [
    "_errors _run _converge _iso_time _inner_link",
    "_atomic _lock _account _download _signature _unpack",
    "_systemd _sysctl _prometheus _health",
    "_probe _gate",
    "_kernel _elf _delta _apparmor",
    "_release _ebpf _io_uring",
    "_go_toolchain _units _kernel_symbol _ebpf_features _ebpf_inventory",
    "_go_binary _go_service_info",
    "_go_command",
]
PLUGIN_UTILS = [
    "_action _delta _fleet _promotion _rollout _scrape_targets",
    "_release _go_toolchain",
    "_service",
]


class Import(t.NamedTuple):
    """A module of plugins/ that another one imports; both without the suffix, such as module_utils/_delta/apply."""

    importer: str
    imported: str


def _name(path: pathlib.Path) -> str:
    return str(path.relative_to(PLUGINS).with_suffix(""))


def _imports(path: pathlib.Path) -> t.Iterator[Import]:
    """Each import of the collection's own modules, also those that only type checkers follow."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        package = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
        modules = (
            [package] if package.with_suffix(".py").is_file() else [package / it.name for it in node.names]
        )
        for module in modules:
            yield Import(_name(path), _name(module))


SOURCES = sorted(PLUGINS.rglob("*.py"))
IMPORTS = [found for path in SOURCES for found in _imports(path)]


def _room(module: str, *, kind: str) -> str | None:
    """The package, or file outside packages, that a module stands in; None for a module of another kind."""
    top, room, *dummy = module.split("/")
    return room if top == kind else None


def _floors(rooms: list[str]) -> dict[str, int]:
    return {room: number for number, floor in enumerate(rooms) for room in floor.split()}


def _steps(kind: str) -> set[tuple[str, str]]:
    rooms = {(_room(a, kind=kind), _room(b, kind=kind)) for a, b in IMPORTS}
    return {(a, b) for a, b in rooms if a and b and a != b}


KINDS = [("module_utils", MODULE_UTILS), ("plugin_utils", PLUGIN_UTILS)]


@pytest.mark.parametrize(("kind", "rooms"), KINDS)
def test_every_room_has_a_floor(kind: str, rooms: list[str]) -> None:
    there = {_room(_name(path), kind=kind) for path in SOURCES} - {None}
    assert there == set(_floors(rooms))


@pytest.mark.parametrize(("kind", "rooms"), KINDS)
def test_imports_lead_downward(kind: str, rooms: list[str]) -> None:
    floors = _floors(rooms)
    assert sorted((a, b) for a, b in _steps(kind) if floors[a] <= floors[b]) == []


def test_what_runs_on_hosts_does_not_import_what_runs_on_the_controller() -> None:
    on_hosts = ("module_utils/", "modules/")
    allowed = ("module_utils/",)
    assert [
        it for it in IMPORTS if it.importer.startswith(on_hosts) and not it.imported.startswith(allowed)
    ] == []


def test_the_waves_of_a_rollout_know_nothing_that_is_rolled_out() -> None:
    used = {it.imported for it in IMPORTS if it.importer.startswith("plugin_utils/_rollout/")}
    outside = {module for module in used if not module.startswith("plugin_utils/_rollout/")}
    assert outside <= {"module_utils/_atomic", "module_utils/_errors", "module_utils/_iso_time"}


def test_no_module_imports_itself_by_a_circle() -> None:
    graph = graphlib.TopologicalSorter[str]()
    for importer, imported in IMPORTS:
        graph.add(importer, imported)
    graph.prepare()  # raises CycleError, which names the circle
