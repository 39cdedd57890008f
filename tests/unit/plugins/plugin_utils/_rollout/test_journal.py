# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import multiprocessing
import os
import pathlib
import subprocess
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._rollout.journal import (
    Journal,
    Writer,
    this_writer,
)

ME = this_writer(os.getpid())


@pytest.fixture
def journal(tmp_path: pathlib.Path) -> Journal:
    journal = Journal(str(tmp_path / "runs"), "run1")
    journal.hold(ME, takeover=False)
    return journal


def test_what_was_written_is_read(journal: Journal) -> None:
    journal.append({"event": "plan"}, writer=ME)
    journal.append({"event": "host", "host": "a", "state": "moving"}, writer=ME)
    journal.append({"event": "host", "host": "ab", "state": "moving", "note": "a"}, writer=ME)
    assert [event["event"] for event in journal.events()] == ["plan", "host", "host"]
    assert [event["host"] for event in journal.events(host="a")] == ["a"]
    assert all("at" in event for event in journal.events())
    assert Journal.runs(journal.directory) == ["run1"]
    assert os.stat(journal.path).st_mode & 0o777 == 0o600


def test_nothing_there(tmp_path: pathlib.Path) -> None:
    assert Journal.runs(str(tmp_path / "none")) == []
    assert Journal(str(tmp_path), "x").events() == []


def test_half_a_line_counts_as_not_written(journal: Journal) -> None:
    journal.append({"event": "plan"}, writer=ME)
    with open(journal.path, "a", encoding="utf-8") as file:
        file.write('{"event": "host", "hos')
    assert [event["event"] for event in journal.events()] == ["plan"]
    journal.append({"event": "end"}, writer=ME)
    assert [event["event"] for event in journal.events()] == ["plan", "end"]


@pytest.mark.parametrize("line", ["{broken", "[]", ""])
def test_a_broken_line_in_the_middle_is_an_error(journal: Journal, line: str) -> None:
    journal.append({"event": "plan"}, writer=ME)
    with open(journal.path, "a", encoding="utf-8") as file:
        file.write(line + "\n")
    journal.append({"event": "end"}, writer=ME)
    with pytest.raises(HostError, match="run1.jsonl:2: wanted a line of a journal"):
        journal.events()


def _write(directory: str, number: int) -> None:
    for line in range(50):
        Journal(directory, "run1").append({"event": "host", "host": f"n{number}", "line": line}, writer=ME)


def test_many_tasks_of_one_run_write_at_once(journal: Journal) -> None:
    tasks = [multiprocessing.Process(target=_write, args=(journal.directory, number)) for number in range(8)]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join()
    assert len(journal.events()) == 400
    for number in range(8):
        assert [event["line"] for event in journal.events(host=f"n{number}")] == list(range(50))


def test_one_writer_at_a_time(journal: Journal) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        theirs = this_writer(other.pid)
        with pytest.raises(HostError, match=f"found process {os.getpid()} on"):
            journal.hold(theirs, takeover=False)
        # Nor with takeover, as long as it can be seen to live.
        with pytest.raises(HostError):
            journal.hold(theirs, takeover=True)
        journal.release()
        journal.hold(theirs, takeover=False)
        with pytest.raises(HostError, match="this process to hold its journal"):
            journal.append({"event": "end"}, writer=ME)
        other.kill()
        other.wait()
    # Dead, and what was left behind of it writes no more.
    journal.hold(ME, takeover=False)
    with pytest.raises(HostError):
        journal.append({"event": "end"}, writer=theirs)
    journal.append({"event": "end"}, writer=ME)


@pytest.mark.parametrize(
    ("change", "takeover", "taken"),
    [
        ({"started": "1"}, False, True),  # the process id came again
        ({"boot": "another"}, False, True),
        ({"machine": "another"}, False, False),
        ({"machine": "another"}, True, True),
        ({"namespace": "pid:[1]"}, False, False),
        ({"namespace": "pid:[1]"}, True, True),
    ],
)
def test_who_may_be_replaced(
    tmp_path: pathlib.Path, change: dict[str, t.Any], takeover: bool, taken: bool
) -> None:
    journal = Journal(str(tmp_path), "run1")
    holder = Writer(**{**ME._asdict(), "pid": 1, **change})
    (tmp_path / "run1.writer").write_text(json.dumps(holder._asdict()))
    if taken:
        journal.hold(ME, takeover=takeover)
        journal.append({"event": "plan"}, writer=ME)
    else:
        with pytest.raises(HostError, match="rollout_takeover=true"):
            journal.hold(ME, takeover=takeover)


def test_who_left_writes_no_more(journal: Journal) -> None:
    journal.release()
    with pytest.raises(HostError, match="found no process"):
        journal.append({"event": "end"}, writer=ME)
