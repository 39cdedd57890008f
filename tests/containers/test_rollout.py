# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rollout.yml over a fleet under load: good builds, bad ones, hosts that do not answer.

Eight hosts are the fewest of which a second wave of six, with each kind of fault in it, leaves a third wave.
ROLLOUT_HOSTS=20 makes the fleet as large as its guide tells of.
"""

from __future__ import annotations

import os
import typing as t

import pytest
import yaml

from .rollout_fleet import Fleet, Load, fleet_of, places, waves_of

HOSTS = [f"n{number:02}" for number in range(1, 1 + int(os.environ.get("ROLLOUT_HOSTS", "8")))]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Fleet]:
    with fleet_of(HOSTS, "rollout", tmp_path_factory) as fleet:
        yield fleet


def test_a_good_build_is_on_every_host(served: Fleet) -> None:
    assert {truth.version for truth in served.truths().values()} == {"v1"}


def test_check_mode_shows_the_waves_and_changes_nothing(served: Fleet) -> None:
    hosts = HOSTS[:2]
    before = served.truths(hosts), sorted(os.listdir(served.journals))
    done = served.roll(served.build("v2"), "--check", "--diff", hosts=hosts)
    assert done.returncode == 0, done.stdout
    assert "Check mode: would roll out hello" in done.stdout
    assert all(" ".join(wave) in done.stdout for wave in waves_of(hosts))
    assert "changed=2 " in done.stdout
    assert (served.truths(hosts), sorted(os.listdir(served.journals))) == before


def test_a_second_run_moves_nobody(served: Fleet) -> None:
    hosts = HOSTS[:2]
    before = served.truths(hosts)
    done = served.roll(served.build("v1"), hosts=hosts)
    assert done.returncode == 0, done.stdout
    assert places(served.reports()[-1]) == {"unchanged": hosts}
    assert "changed=1" not in done.stdout
    assert served.truths(hosts) == before


def test_a_bad_build_is_halted_and_every_moved_host_is_reverted(served: Fleet) -> None:
    """Fails in its own way on each of four hosts of the second wave; a fifth one does not answer. Four may fail."""
    (canary,), second, rest = waves_of(HOSTS)
    assert len(second) == 6
    faults = dict(zip(second, ("errors", "unhealthy", "crash", "slow")))
    away = second[4]
    elsewhere = served.place / "away.yml"
    elsewhere.write_text(yaml.safe_dump({"all": {"hosts": {away: {"ansible_port": 9}}}}))
    addresses = {host: served.lab.address(host) for host in HOSTS}
    with Load(addresses) as load:
        done = served.roll(served.build("v2", **faults), f"--inventory={elsewhere}", rollout_budget=4)
    report = served.reports()[-1]
    truths = served.truths()
    assert done.returncode != 0, done.stdout
    assert report["outcome"] == "reverted"
    assert {truth.version for truth in truths.values()} == {"v1"}
    # The figures, against what was done to the hosts.
    good = [host for host in second if host not in faults and host != away]
    assert places(report) == {
        "reverted": sorted([canary, *faults, *good]),
        "unreachable": [away],
        "untouched": sorted(rest),
    }
    assert {name for name, host in report["hosts"].items() if host["failed"]} == {*faults, away}
    assert report["counts"]["failed"] == 5
    reasons = {kind: report["hosts"][host]["reason"] for host, kind in faults.items()}
    assert "hello errors: no" in reasons["errors"]
    assert "status 200 from http://127.0.0.1:8080/healthz" in reasons["unhealthy"]
    assert "hello.service restarts: no" in reasons["crash"]
    assert "hello latency: no" in reasons["slow"]
    for line in (
        f"reverted: {1 + len(second) - 1}",
        f"5 of {len(HOSTS)} hosts failed",
        f"untouched: {len(rest)}",
    ):
        assert line in done.stdout
    # Who was never moved still runs the process that it ran; who was moved does not.
    events = served.events()
    moved = {event["host"] for event in events if event.get("state") == "moving"}
    assert moved == {canary, *faults, *good}
    # Behind the socket a restart refuses nobody; only a process that dies takes its requests with it.
    crashed = next(host for host, kind in faults.items() if kind == "crash")
    assert {host: failed for host, failed in load.failed.items() if host != crashed} == {}
    assert all(load.answered[host] > 50 for host in HOSTS)
