# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rollout.yml with its controller killed at every state of a host and of the run, and with two controllers at once.

On a small fleet of its own, so that it runs beside the tests of the large one.
"""

from __future__ import annotations

import subprocess
import time
import typing as t

import pytest

from .container_lab import ENVIRONMENT, LIMIT, PROJECT
from .rollout_fleet import PLAYBOOK, Fleet, Load, at_event, at_state, fleet_of, places, waves_of

HOSTS = [f"k{number:02}" for number in range(1, 5)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Fleet]:
    with fleet_of(HOSTS, "killed", tmp_path_factory) as fleet:
        yield fleet


def test_a_controller_killed_on_the_way_forward(served: Fleet) -> None:
    """In each state that a host goes through; then with the second wave half done, and before the report."""
    hosts = HOSTS[:3]
    program = served.build("v3")
    quick = {"rollout_baseline": 1, "rollout_gate": 1, "rollout_soak": 1, "rollout_round": 1}
    argv = served.lab.playbook(PLAYBOOK, **served.variables(program, hosts=hosts, **quick))
    runs = len(served.reports())
    served.killed(argv, at_event("plan"))
    known = sorted(served.journals.glob("*.jsonl"))
    for state in ("looked", "moving", "moved", "gated", "done"):
        served.killed(argv, at_state(state))
    canary = next(event["host"] for event in served.events() if event.get("state") == "done")
    started = served.truths([canary])[canary].started
    served.killed(argv, at_state("done"))
    served.killed(argv, at_event("verdict"))
    done = served.roll(program, hosts=hosts, **quick)
    assert done.returncode == 0, done.stdout
    # All of it is one run, with one report.
    assert sorted(served.journals.glob("*.jsonl")) == known
    assert len(served.reports()) == runs + 1
    report = served.reports()[-1]
    assert (report["outcome"], places(report), report["resumed"]) == ("moved", {"moved": hosts}, 8)
    truths = served.truths(hosts)
    assert {truth.version for truth in truths.values()} == {"v3"}
    # Who was done was not done again.
    assert truths[canary].started == started
    states = [event["state"] for event in served.events() if event.get("host") == canary]
    assert (states[-1], states.count("done")) == ("done", 1)


def test_a_controller_killed_while_a_host_goes_back(served: Fleet) -> None:
    """One of three fails, and one may: it goes back by itself, whenever the controller dies, and the others stay."""
    hosts = HOSTS[:3]
    bad = waves_of(hosts)[-1][-1]
    program = served.build("v4", **{bad: "errors"})
    before = served.truths([bad])[bad].version
    variables = served.variables(program, hosts=hosts, rollout_budget=1)
    argv = served.lab.playbook(PLAYBOOK, **variables)
    with Load({host: served.lab.address(host) for host in hosts}) as load:
        for state in ("failed", "reverting", "reverted"):
            served.killed(argv, at_state(state))
        done = served.lab.try_play(PLAYBOOK, **variables)
    assert done.returncode == 0, done.stdout
    report = served.reports()[-1]
    good = [host for host in hosts if host != bad]
    assert (report["outcome"], report["resumed"]) == ("moved", 3)
    assert places(report) == {"moved": good, "reverted": [bad]}
    assert "hello errors: no" in report["hosts"][bad]["reason"]
    assert {host: truth.version for host, truth in served.truths(hosts).items()} == {
        **dict.fromkeys(good, "v4"),
        bad: before,
    }
    assert load.failed == {}


def test_a_controller_killed_while_the_fleet_goes_back(served: Fleet) -> None:
    """Two of three fail and none may: killed at the verdict, and while each of them is put back."""
    hosts = HOSTS[:3]
    (canary,), bad = waves_of(hosts)
    program = served.build("v5", **dict.fromkeys(bad, "unhealthy"))
    before = {host: truth.version for host, truth in served.truths(hosts).items()}
    argv = served.lab.playbook(PLAYBOOK, **served.variables(program, hosts=hosts))
    with Load({host: served.lab.address(host) for host in hosts}) as load:
        for when in (at_event("verdict"), at_state("reverting"), at_state("reverted")):
            served.killed(argv, when)
        done = served.roll(program, hosts=hosts)
    report = served.reports()[-1]
    assert done.returncode != 0, done.stdout
    assert (report["outcome"], report["resumed"]) == ("reverted", 3)
    assert places(report) == {"reverted": hosts}
    assert sorted(name for name, host in report["hosts"].items() if host["failed"]) == sorted(bad)
    assert report["hosts"][canary]["failed"] is False
    assert {host: truth.version for host, truth in served.truths(hosts).items()} == before
    assert load.failed == {}


def test_two_controllers_and_another_build_meanwhile(served: Fleet) -> None:
    hosts = HOSTS[3:4]
    program, other = served.build("v6"), served.build("v7")
    argv = served.lab.playbook(PLAYBOOK, **served.variables(program, hosts=hosts, rollout_gate=90))
    process = subprocess.Popen(
        argv, cwd=PROJECT, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            events = served.events()
            if at_state("moved")(events) and not at_event("end")(events):
                break
            time.sleep(0.1)
        second = served.roll(program, hosts=hosts)
    finally:
        process.kill()
        process.wait()
    assert second.returncode != 0
    assert f"process {process.pid} on" in second.stdout
    run = sorted(served.journals.glob("*.jsonl"))[-1].stem
    refused = served.roll(other, hosts=hosts)
    assert refused.returncode != 0
    assert f"rollout_abandon={run}" in refused.stdout
    given_up = served.roll(other, hosts=hosts, rollout_abandon=run)
    assert given_up.returncode == 0, given_up.stdout
    assert {truth.version for truth in served.truths(hosts).values()} == {"v7"}
