# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""
The package _rollout does not depend on services: here it rolls out a new version of the members of a store.

This file holds what identifies the release, what moves a member and what judges it.
"""

from __future__ import annotations

import ast
import json
import os
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._rollout.journal import this_writer
from ansible_collections.gofleet.hosts.plugins.plugin_utils._rollout.report import report_lines
from ansible_collections.gofleet.hosts.plugins.plugin_utils._rollout.run import (
    OpenedRun,
    RunRequest,
    open_rollout,
)
from ansible_collections.gofleet.hosts.plugins.plugin_utils._rollout.state import fold
from ansible_collections.gofleet.hosts.plugins.plugin_utils._rollout.verdict import EndedRun, decide, end_run
from ansible_collections.gofleet.hosts.plugins.plugin_utils._rollout.waves import rollout_waves

ME = this_writer(os.getpid())
MEMBERS = ["n1", "n2", "n3", "n4", "n5"]
PACKAGE = pathlib.Path(__file__).parents[5] / "plugins" / "plugin_utils" / "_rollout"
Found = t.Dict[str, t.Any]


class Store:
    """A made-up replicated store. A member of a broken release loses its log entries when it is replaced."""

    def __init__(self, *, broken: t.Collection[str] = ()) -> None:
        self.versions = dict.fromkeys(MEMBERS, "3.5.21")
        self.entries = dict.fromkeys(MEMBERS, 100)
        self.broken = broken

    def look(self, member: str) -> Found:
        return {"binary": self.versions[member], "entries": self.entries[member]}

    def replace(self, member: str, version: str) -> None:
        self.versions[member] = version
        self.entries[member] = 0 if member in self.broken and version == "3.6.4" else 100

    def has_caught_up(self, member: str, before: Found) -> bool:
        return self.entries[member] >= before["entries"]


def versions_of(found: t.Mapping[str, t.Any]) -> dict[str, str | None]:
    return {"store": found.get("binary")}


def begin(directory: pathlib.Path, *, version: str = "3.6.4", budget: int = 0) -> OpenedRun:
    """The identity of the release is its version: nothing is built, and no description is hashed."""
    waves = rollout_waves(MEMBERS, salt=version, canary="1", canary_min=1, canary_hosts=[], waves=["40%"])
    request = RunRequest(
        directory=str(directory),
        hosts=MEMBERS,
        components=["store"],
        release=version,
        salt=version,
        budget=budget,
        waves=waves,
        run="",
        abandon="",
        takeover=False,
    )
    return open_rollout(request, writer=ME)


def write(run: OpenedRun, member: str, state: str, **facts: t.Any) -> None:
    run.journal.append({"event": "host", "host": member, "state": state, **facts}, writer=ME)


def put_back(run: OpenedRun, store: Store, member: str) -> None:
    before = fold(run.journal.events()).hosts[member].before or {}
    write(run, member, "reverting")
    store.replace(member, before["binary"])
    write(run, member, "reverted" if store.has_caught_up(member, before) else "stuck")


def move(run: OpenedRun, store: Store, member: str) -> None:
    before = store.look(member)
    write(run, member, "looked", before=before)
    write(run, member, "moving")
    store.replace(member, run.rollout.release)
    write(run, member, "moved", after=store.look(member))
    if store.has_caught_up(member, before):
        write(run, member, "done", evidence=["caught up"])
    else:
        write(run, member, "failed", stage="Wait for its log", reason="its log is behind")
        put_back(run, store, member)


def move_all(run: OpenedRun, store: Store, *, at_most: int = len(MEMBERS)) -> list[str]:
    """Move wave by wave, as the role does; with ``at_most``, as if the controller was killed after so many."""
    moved: list[str] = []
    for wave in run.rollout.remaining():
        if fold(run.journal.events()).halted:
            break
        for member in wave:
            if len(moved) < at_most:
                move(run, store, member)
                moved.append(member)
    return moved


def end(run: OpenedRun, store: Store) -> EndedRun:
    for member in decide(run.journal, writer=ME).to_revert():
        put_back(run, store, member)
    return end_run(run.journal, versions_of=versions_of, writer=ME)


def test_members_move_wave_by_wave(tmp_path: pathlib.Path) -> None:
    store = Store()
    run = begin(tmp_path)
    assert move_all(run, store) == [member for wave in run.rollout.waves for member in wave]
    ended = end(run, store)
    assert set(store.versions.values()) == {"3.6.4"}
    assert ended.report["outcome"] == "moved"
    assert ended.report["counts"]["moved"] == 5
    assert ended.report["hosts"]["n1"]["from"] == {"store": "3.5.21"}
    assert ended.report["hosts"]["n1"]["to"] == {"store": "3.6.4"}
    assert json.loads(pathlib.Path(ended.path).read_text()) == ended.report
    first, *rest = report_lines(ended.report)
    assert f"Rollout {run.journal.run} of store (release 3.6.4): moved" in first
    assert "0 of 5 hosts failed, the budget is 0" in rest


def test_a_member_that_fails_halts_the_waves_and_all_are_put_back(tmp_path: pathlib.Path) -> None:
    canary, *others = (member for wave in begin(tmp_path / "plan").rollout.waves for member in wave)
    bad = others[0]
    store = Store(broken=[bad])
    run = begin(tmp_path / "run")
    moved = move_all(run, store)
    assert moved[:2] == [canary, bad]
    assert len(moved) < len(MEMBERS)
    ended = end(run, store)
    assert set(store.versions.values()) == {"3.5.21"}
    assert set(store.entries.values()) == {100}
    assert ended.report["outcome"] == "reverted"
    assert ended.report["counts"]["reverted"] == len(moved)
    assert ended.report["counts"]["untouched"] == len(MEMBERS) - len(moved)
    assert f"{bad}: reverted, failed at Wait for its log: its log is behind" in report_lines(ended.report)


def test_within_the_budget_the_others_stay(tmp_path: pathlib.Path) -> None:
    store = Store(broken=["n3"])
    run = begin(tmp_path, budget=1)
    assert sorted(move_all(run, store)) == MEMBERS
    ended = end(run, store)
    assert ended.report["outcome"] == "moved"
    assert store.versions == {**dict.fromkeys(MEMBERS, "3.6.4"), "n3": "3.5.21"}


def test_an_unfinished_run_is_resumed(tmp_path: pathlib.Path) -> None:
    store = Store()
    first = begin(tmp_path)
    done = move_all(first, store, at_most=2)
    second = begin(tmp_path)
    assert (second.resumed, second.journal.run) == (True, first.journal.run)
    assert sorted(done + move_all(second, store)) == MEMBERS
    assert end(second, store).report["resumed"] == 1


def _imported(path: pathlib.Path) -> set[str]:
    """The modules that a file imports; a relative one with its dots."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found |= {base} if node.module else {base + alias.name for alias in node.names}
    return {name for name in found if name.startswith(".") or "ansible" in name}


@pytest.mark.parametrize("source", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_the_package_imports_no_service_no_release_and_no_gate(source: pathlib.Path) -> None:
    own = {f".{path.stem}" for path in PACKAGE.glob("*.py")}
    assert _imported(source) - own <= {"...module_utils._atomic", "...module_utils._errors"}


def test_there_is_something_to_import() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} >= {
        "journal",
        "report",
        "run",
        "state",
        "verdict",
        "waves",
    }
