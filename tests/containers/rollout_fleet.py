# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet under load for rollout.yml, what its journals tell, and what the hosts themselves say."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import signal
import subprocess
import threading
import time
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._rollout.waves import rollout_waves

from .container_lab import ENVIRONMENT, LIMIT, PROJECT, ContainerLab, container_lab
from .rollout_builds import build

__all__ = ["PLAYBOOK", "Event", "Fleet", "Load", "at_event", "at_state", "fleet_of", "places", "waves_of"]

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
        self.hosts = lab.hosts
        self.place = place
        self.journals = place / "journals"

    def build(self, version: str, **faults: str) -> str:
        return build(PROJECT / "examples" / "hello", self.place, version=version, faults=faults)

    def variables(self, program: str, *, hosts: t.Sequence[str] = (), **more: t.Any) -> dict[str, t.Any]:
        service = {"name": "hello", "port": 8080, "artefact": {"file": program}, "health": {"timeout": 6}}
        return {
            "go_service_services": [service],
            "rollout_hosts": ",".join(hosts or self.hosts),
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

    def truths(self, hosts: t.Sequence[str] = ()) -> dict[str, Truth]:
        asked = hosts or self.hosts
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return dict(zip(asked, pool.map(self._truth, asked)))

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


@contextlib.contextmanager
def fleet_of(
    hosts: t.Sequence[str], name: str, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[Fleet]:
    """A fleet in a lab of its own, all hosts with the first version, by a rollout to hosts that had none."""
    with container_lab(name, **dict.fromkeys(hosts, "debian-13")) as lab:
        fleet = Fleet(lab, tmp_path_factory.mktemp(name))
        done = fleet.roll(fleet.build("v1"))
        assert done.returncode == 0, done.stdout
        (report,) = fleet.reports()
        assert report["outcome"] == "moved"
        assert places(report) == {"moved": list(hosts)}
        assert report["waves"] == waves_of(hosts)
        yield fleet


def at_state(state: str) -> t.Callable[[list[Event]], bool]:
    return lambda events: any(event.get("state") == state for event in events)


def at_event(kind: str) -> t.Callable[[list[Event]], bool]:
    return lambda events: any(event["event"] == kind for event in events)
