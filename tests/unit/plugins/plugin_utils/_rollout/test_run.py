# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._rollout.journal import Journal, this_writer
from ansible_collections.gofleet.hosts.plugins.plugin_utils._rollout.run import (
    OpenedRun,
    RunRequest,
    open_rollout,
)

ME = this_writer(os.getpid())


class Controller:
    """Opens runs, one after the other, in one directory."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def open(self, *, write: bool = True, **changes: t.Any) -> OpenedRun:
        request = RunRequest(
            directory=self.directory,
            hosts=["a", "b"],
            components=["hello"],
            release="release1",
            salt="s",
            budget=0,
            waves=[["b"], ["a"]],
            run="",
            abandon="",
            takeover=False,
        )
        return open_rollout(request._replace(**changes), writer=ME if write else None)

    def end(self, opened: OpenedRun) -> None:
        opened.journal.append({"event": "end", "outcome": "moved"}, writer=ME)
        opened.journal.release()


@pytest.fixture
def controller(tmp_path: pathlib.Path) -> Controller:
    return Controller(str(tmp_path / "runs"))


def test_a_new_run_has_its_plan_on_disk(controller: Controller) -> None:
    opened = controller.open()
    assert not opened.resumed
    assert opened.rollout.waves == [["b"], ["a"]]
    (plan,) = opened.journal.events()
    assert (plan["event"], plan["release"], plan["budget"]) == ("plan", "release1", 0)


def test_check_mode_writes_nothing(controller: Controller) -> None:
    opened = controller.open(write=False)
    assert opened.rollout.remaining() == [["b"], ["a"]]
    assert not os.path.exists(controller.directory)
    controller.open()
    before = sorted(os.listdir(controller.directory))
    seen = controller.open(write=False, abandon="other")
    assert seen.resumed
    assert seen.journal.events() == Journal(controller.directory, seen.journal.run).events()
    assert sorted(os.listdir(controller.directory)) == before
    assert [event["event"] for event in seen.journal.events()] == ["plan"]


def test_an_unfinished_run_goes_on(controller: Controller) -> None:
    first = controller.open()
    first.journal.append({"event": "host", "host": "b", "state": "done"}, writer=ME)
    # Its waves and its budget are those that it began with.
    second = controller.open(waves=[["a", "b"]], budget=2)
    assert (second.resumed, second.journal.run) == (True, first.journal.run)
    assert (second.rollout.remaining(), second.rollout.budget, second.rollout.resumed) == ([["a"]], 0, 1)
    by_name = controller.open(run=first.journal.run)
    assert by_name.rollout.resumed == 2


def test_one_that_ended_is_left_alone(controller: Controller) -> None:
    first = controller.open()
    controller.end(first)
    second = controller.open()
    assert not second.resumed
    assert second.journal.run > first.journal.run
    for run, found in ((first.journal.run, "a run that ended: moved"), ("none", "none of this name")):
        with pytest.raises(HostError, match="wanted an unfinished run") as refused:
            controller.open(run=run)
        assert found in refused.value.found


@pytest.mark.parametrize("change", [{"components": ["other"]}, {"hosts": ["c"], "waves": [["c"]]}])
def test_others_are_no_concern_of_this_one(controller: Controller, change: dict[str, t.Any]) -> None:
    first = controller.open(release="aaaaaa")
    assert not controller.open(**change).resumed
    assert controller.open(release="aaaaaa").journal.run == first.journal.run


def test_another_release_has_to_wait(controller: Controller) -> None:
    first = controller.open()
    with pytest.raises(HostError, match=f"rollout_abandon={first.journal.run}"):
        controller.open(release="release2")
    # On the way back the program does not matter any more.
    first.journal.append({"event": "verdict", "decision": "revert"}, writer=ME)
    assert controller.open(release="release2").resumed


def test_giving_up(controller: Controller) -> None:
    first = controller.open()
    second = controller.open(release="newone", abandon=first.journal.run)
    assert not second.resumed
    assert first.journal.events()[-1]["outcome"] == "abandoned"
    # Said again, it changes nothing.
    controller.open(release="newone", abandon=first.journal.run)
    assert [event["event"] for event in first.journal.events()].count("end") == 1


def test_all_its_hosts_are_needed_to_go_on(controller: Controller) -> None:
    controller.open()
    with pytest.raises(HostError, match="a run without b") as refused:
        controller.open(hosts=["a"])
    assert "--limit" in refused.value.remedy
    assert controller.open(hosts=["a", "b", "new"]).resumed


def test_a_writer_that_was_killed_before_the_plan(controller: Controller) -> None:
    os.makedirs(controller.directory)
    (pathlib.Path(controller.directory) / "20260101T000000-abcdef.jsonl").write_text('{"event": "pl')
    assert not controller.open().resumed
    with pytest.raises(HostError, match="only an empty journal"):
        controller.open(run="20260101T000000-abcdef", components=["other"])
