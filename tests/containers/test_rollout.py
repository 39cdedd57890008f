# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rollout.yml over a fleet under load: good builds, bad ones, hosts that do not answer, a killed controller.

ROLLOUT_HOSTS=20 makes the fleet as large as its guide tells of; less than nine would leave no third wave.
"""

from __future__ import annotations

import collections
import concurrent.futures
import http.client
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import typing as t

import pytest
import yaml
from ansible_collections.gofleet.hosts.plugins.plugin_utils._rollout.waves import rollout_waves

from .container_lab import ENVIRONMENT, LIMIT, PROJECT, ContainerLab, container_lab
from .rollout_builds import build

HOSTS = [f"n{number:02}" for number in range(1, 1 + int(os.environ.get("ROLLOUT_HOSTS", "10")))]
PLAYBOOK = "gofleet.hosts.rollout"
SALT = "the test"
WAVES = ["7", "100%"]
SECONDS = {"rollout_baseline": 4, "rollout_gate": 3, "rollout_soak": 2, "rollout_round": 2}
GATES = [
    {"name": "errors", "kind": "ratio", "metric": "http_requests_total", "labels": {"code": "=~5.."}}
    | {"max_increase": 0.05, "min_count": 5, "required": False},
    {"name": "latency", "kind": "quantile", "metric": "http_request_duration_seconds", "quantile": 0.9}
    | {"max_ratio": 2, "max_increase": 0.1, "precise": False, "required": False},
]
TRUTH = """
curl_() { exec 3<>/dev/tcp/127.0.0.1/8080; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; tail -n 1 <&3; }
echo "$(readlink /opt/gofleet/hello/current)"
echo "$(systemctl is-active hello.service)"
readlink "/proc/$(systemctl show -P MainPID hello.service)/exe" || echo none
curl_ || echo none
systemctl show -P ExecMainStartTimestampMonotonic hello.service
ls -A /run/gofleet.hosts/restart-owed 2>/dev/null
"""
Event = t.Dict[str, t.Any]


class Truth(t.NamedTuple):
    """What a host itself says: the version it answers with, and when its process started."""

    version: str
    started: str


class Load:
    """Five requests a second to every host. ``failed`` holds, by host, what was not answered at all."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self.failed: dict[str, list[str]] = collections.defaultdict(list)
        self.answered: collections.Counter[str] = collections.Counter()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=pair, daemon=True) for pair in addresses.items()
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _ask(self, host: str, address: str) -> None:
        while not self._stop.wait(0.2):
            connection = http.client.HTTPConnection(address, 8080, timeout=60)
            try:
                connection.request("GET", "/", headers={"Connection": "close"})
                connection.getresponse().read()
                self.answered[host] += 1
            except (OSError, http.client.HTTPException) as error:
                self.failed[host].append(repr(error))
            finally:
                connection.close()


class Fleet:
    """The lab, its builds, and the controller's directory of journals."""

    def __init__(self, lab: ContainerLab, place: pathlib.Path) -> None:
        self.lab = lab
        self.place = place
        self.journals = place / "journals"

    def build(self, version: str, **faults: str) -> str:
        return build(PROJECT / "examples" / "hello", self.place, version=version, faults=faults)

    def variables(self, program: str, *, hosts: t.Sequence[str] = HOSTS, **more: t.Any) -> dict[str, t.Any]:
        service = {"name": "hello", "port": 8080, "artefact": {"file": program}, "health": {"timeout": 6}}
        return {
            "go_service_services": [service],
            "rollout_hosts": ",".join(hosts),
            "rollout_directory": str(self.journals),
            "rollout_salt": SALT,
            "rollout_waves": WAVES,
            "rollout_gates": GATES,
            **SECONDS,
            **more,
        }

    def roll(self, program: str, *options: str, **more: t.Any) -> subprocess.CompletedProcess[str]:
        return self.lab.try_play(PLAYBOOK, *options, **self.variables(program, **more))

    def reports(self) -> list[dict[str, t.Any]]:
        return [json.loads(path.read_text()) for path in sorted(self.journals.glob("*.json"))]

    def events(self) -> list[Event]:
        """Those of the latest run; of a line that is being written, nothing."""
        paths = sorted(self.journals.glob("*.jsonl"))
        lines = paths[-1].read_text().split("\n")[:-1] if paths else []
        return [json.loads(line) for line in lines]

    def truths(self, hosts: t.Sequence[str] = HOSTS) -> dict[str, Truth]:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return dict(zip(hosts, pool.map(self._truth, hosts)))

    def _truth(self, host: str) -> Truth:
        current, active, program, answer, started, *owed = self.lab.shell(
            host, f"bash -c {shell_quoted(TRUTH)}"
        ).splitlines()
        # No half state: the link, the process and the answer are of one version, and nothing is owed.
        assert active == "active", host
        assert program == f"/opt/gofleet/hello/{current}/hello", host
        assert owed == [], host
        # A build with errors answers with a sentence of its own.
        return Truth(answer.rpartition("version ")[2] or answer, started)

    def killed(self, argv: list[str], when: t.Callable[[list[Event]], bool]) -> None:
        """Run a playbook, and kill it with SIGKILL as soon as what it has written itself is as told."""
        output = self.place / "killed.log"
        before = len(self.events())
        ended = any(event["event"] == "end" for event in self.events())
        with output.open("w") as file:
            process = subprocess.Popen(
                argv, cwd=PROJECT, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )
            deadline = time.monotonic() + LIMIT
            while process.poll() is None and time.monotonic() < deadline:
                events = self.events()
                ours = not any(event["event"] == "end" for event in events)
                if ours and when(events if ended else events[before:]):
                    break
                time.sleep(0.01)
            assert process.poll() is None, output.read_text()
            process.send_signal(signal.SIGKILL)
            process.wait()


def shell_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def places(report: dict[str, t.Any]) -> dict[str, list[str]]:
    found = collections.defaultdict(list)
    for name, host in report["hosts"].items():
        found[host["place"]].append(name)
    return dict(found)


def waves_of(hosts: t.Sequence[str]) -> list[list[str]]:
    return rollout_waves(hosts, salt=SALT, canary="1", canary_min=1, canary_hosts=[], waves=WAVES)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Fleet]:
    with container_lab("rollout", **dict.fromkeys(HOSTS, "debian-13")) as lab:
        yield Fleet(lab, tmp_path_factory.mktemp("rollout"))


@pytest.fixture(scope="module")
def served(fleet: Fleet) -> Fleet:
    """All hosts with the first version, by a rollout to hosts that had none."""
    done = fleet.roll(fleet.build("v1"))
    assert done.returncode == 0, done.stdout
    (report,) = fleet.reports()
    assert report["outcome"] == "moved"
    assert places(report) == {"moved": HOSTS}
    assert report["waves"] == waves_of(HOSTS)
    return fleet


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


def at_state(state: str) -> t.Callable[[list[Event]], bool]:
    return lambda events: any(event.get("state") == state for event in events)


def at_event(kind: str) -> t.Callable[[list[Event]], bool]:
    return lambda events: any(event["event"] == kind for event in events)


def test_a_controller_killed_on_the_way_forward(served: Fleet) -> None:
    """In each state that a host goes through; then with the second wave half done, and before the report."""
    hosts = HOSTS[:3]
    program = served.build("v3")
    argv = served.lab.playbook(PLAYBOOK, **served.variables(program, hosts=hosts))
    runs = len(served.reports())
    served.killed(argv, at_event("plan"))
    known = sorted(served.journals.glob("*.jsonl"))
    for state in ("looked", "moving", "moved", "gated", "done"):
        served.killed(argv, at_state(state))
    canary = next(event["host"] for event in served.events() if event.get("state") == "done")
    started = served.truths([canary])[canary].started
    served.killed(argv, at_state("done"))
    served.killed(argv, at_event("verdict"))
    done = served.roll(program, hosts=hosts)
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
    hosts = HOSTS[5:6]
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
