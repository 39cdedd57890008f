# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action, run for real by Ansible in plays on no host at all."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import typing as t

import pytest
import yaml
from ansible_collections.gofleet.hosts.plugins.action.rollout_journal import ActionModule

Task = t.Dict[str, t.Any]
HOSTS = ["a", "b", "c"]


class Play:
    """Tasks of rollout_journal, one play each time, on hosts that nothing connects to."""

    def __init__(self, place: pathlib.Path) -> None:
        self.place = place
        self.journals = place / "journals"
        shutil.copy(sys.executable, place / "program")

    def plan(self, **more: t.Any) -> Task:
        services = [{"name": "hello", "artefact": {"file": str(self.place / "program")}}]
        described = dict.fromkeys(HOSTS, services)
        return {"plan": {"described": described, "salt": "s", "budget": "34%", **more}}

    def run(self, *tasks: Task, check: bool = False) -> list[dict[str, t.Any]]:
        """What each task returned on the first host; ``run`` is the one that a plan of the same play has named."""
        play = {
            "hosts": "all",
            "gather_facts": False,
            "tasks": [
                {
                    "gofleet.hosts.rollout_journal": {
                        "directory": str(self.journals),
                        **({} if "plan" in task else {"run": "{{ planned.run }}"}),
                        **task,
                    },
                    "register": "planned" if "plan" in task else "other",
                    "run_once": True,
                    "check_mode": check,
                    "ignore_errors": True,
                }
                for task in tasks
            ],
        }
        (self.place / "play.yml").write_text(yaml.safe_dump([play]))
        argv = ["ansible-playbook", "-v", "-i", ",".join(HOSTS) + ",", str(self.place / "play.yml")]
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "true"}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
        found = [
            json.loads(line.partition("=> ")[2])
            for line in done.stdout.splitlines()
            if line.startswith(("ok: ", "changed: ", "fatal: "))
        ]
        assert len(found) == len(tasks), done.stdout + done.stderr
        return found


@pytest.fixture
def play(tmp_path: pathlib.Path) -> Play:
    assert ActionModule._requires_connection is False
    return Play(tmp_path)


def test_from_the_plan_to_the_report(play: Play) -> None:
    planned, looked = play.run(play.plan(), {"host": "a", "state": "looked", "facts": {"before": {"x": 1}}})
    assert (planned["budget"], planned["resumed"], sorted(planned["hosts"])) == (1, False, HOSTS)
    assert looked["state"]["before"] == {"x": 1}
    # Another process, as after a controller that was killed.
    resumed, *written, read, judged, ended, fresh = play.run(
        play.plan(),
        *({"host": "a", "state": state} for state in ("moving", "moved", "gated", "done")),
        {"host": "b", "state": "unreachable", "facts": {"reason": "no route"}},
        {"host": "c"},
        {},
        {"end": True},
        play.plan(),
    )
    assert (resumed["run"], resumed["resumed"]) == (planned["run"], True)
    assert [one["state"]["state"] for one in written][-2:] == ["done", "unreachable"]
    assert written[-2]["state"]["before"] == {"x": 1}
    assert (read["halted"], read["state"]["state"]) == (False, "")
    assert (judged["decision"], judged["revert"]) == ("keep", [])
    assert ended["report"]["counts"]["moved"] == 1
    assert "1 of 3 hosts failed, the budget is 1" in ended["lines"]
    assert json.loads(pathlib.Path(ended["path"]).read_text()) == ended["report"]
    # The run is over: the next one is another.
    assert (fresh["resumed"], fresh["run"] == planned["run"]) == (False, False)


def test_over_the_budget_all_that_moved_is_put_back(play: Play) -> None:
    *dummy, read, first, second = play.run(
        play.plan(budget="0"),
        {"host": "a", "state": "moving"},
        {"host": "b", "state": "refused"},
        {"host": "a"},
        {},
        {},
    )
    assert read["halted"] is True
    assert [(one["decision"], one["revert"]) for one in (first, second)] == [("revert", ["a"])] * 2


def test_check_mode_writes_nothing(play: Play) -> None:
    found = play.run(play.plan(), {"host": "a", "state": "moving"}, {"end": True}, check=True)
    assert [one["changed"] for one in found] == [False, False, False]
    assert found[1]["state"]["touched"] is False
    assert not play.journals.exists()


def test_what_is_refused(play: Play) -> None:
    refused = {
        "wanted this process to hold its journal": {"run": "none", "host": "a", "state": "looked"},
        "wanted a plan as its first line": {"run": "none", "host": "a"},
        "required by 'state'": {"run": "x", "state": "looked"},
        "value of state must be one of": {"run": "x", "host": "a", "state": "lost"},
        "wanted an unfinished run": {**play.plan(), "run": "none"},
        "found no typo": play.plan(services=["hello", "typo"]),
    }
    for message, found in zip(refused, play.run(*refused.values())):
        assert message in found["msg"]
    assert not play.journals.exists()
