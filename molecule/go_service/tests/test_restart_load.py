# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restarts, a new build and a build that is taken back, under a load that counts each request: none is lost."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time
import typing as t

import pytest
from lab.qmp import monitor
from lab.state import free_port, require_lab

from .test_go_service import described, provision

testinfra_hosts = ["ansible://go_hosts"]

TOOL = "github.com/tsenart/vegeta/v12@v12.13.0"
CACHE = (
    pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    / "gofleet-lab"
    / "vegeta"
)
RATE = 200  # requests a second
# While Ansible works on the host too: an emulated processor has not the time for both.
SLOW_RATE = 50
# As many clients as a small front end is; the rest wait for one of these, as behind a proxy.
CONNECTIONS = 32
PACE = 2.5  # seconds between restarts: systemd refuses the sixth start within ten, and then the socket too
SETTLE = 8  # seconds
HELD = 0.9  # of the rate
# Not to be refused is what counts: an emulated processor works off for long what waited during a restart.
TIMEOUT = 180
RESTARTS = 20
# All on the host by one call, because each call of Ansible's takes seconds of an emulated processor. An even number of
# switches ends where it began.
RESTART = f"""set -e; now=%s; next=%s
for number in $(seq {RESTARTS}); do
  ln -sfn "$next" /opt/gofleet/hello/current
  systemctl restart hello.service
  systemctl show -P MainPID hello.service
  last=$now; now=$next; next=$last
  sleep {PACE}
done"""


@pytest.fixture(scope="module")
def vegeta() -> str:
    """The load tool. It runs on the controller, because an emulated processor would be busy with it alone."""
    program = CACHE / TOOL.rpartition("@")[2] / "vegeta"
    if not program.exists():
        environment = {**os.environ, "GOBIN": str(program.parent), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}
        subprocess.run(["go", "install", "-ldflags=-s -w", TOOL], env=environment, check=True, timeout=600)
    return str(program)


def is_vm(host: t.Any) -> bool:
    return require_lab(os.environ["LAB_NAME"]).host(host.backend.host).kind == "vm"


@pytest.fixture
def url(host: t.Any) -> t.Iterator[str]:
    """The service as the controller reaches it."""
    lab = require_lab(os.environ["LAB_NAME"])
    member = lab.host(host.backend.host)
    if not is_vm(host):
        yield f"http://{member.address}:8080/"
        return
    monitored = lab.run / f"{member.name}.qmp"
    forward = f"tcp:127.0.0.1:{free_port()}"
    told = monitor(monitored, command=f"hostfwd_add nat {forward}-:8080", timeout=20)
    assert not told.strip(), told
    yield f"http://{forward.removeprefix('tcp:')}/"
    monitor(monitored, command=f"hostfwd_remove nat {forward}", timeout=20)


class Report(t.NamedTuple):
    """What the load tool counted."""

    requests: int
    rate: float  # sent a second
    throughput: float  # answered with 200 a second, until the last answer
    failed: list[str]
    slowest: float  # seconds


@contextlib.contextmanager
def attack(vegeta: str, url: str, place: pathlib.Path, *, rate: int = RATE) -> t.Iterator[list[Report]]:
    """Load until the end of the block; the list has the report afterwards."""
    targets, output = place / "targets", place / "load.bin"
    targets.write_text(f"GET {url}\n")
    argv = [vegeta, "attack", f"-rate={rate}", "-duration=0", f"-timeout={TIMEOUT}s", f"-targets={targets}"]
    argv += [f"-connections={CONNECTIONS}", f"-max-connections={CONNECTIONS}", f"-output={output}"]
    load = subprocess.Popen(argv)
    reports: list[Report] = []
    try:
        yield reports
    finally:
        load.send_signal(signal.SIGINT)  # it sends no more, and waits for the answers that are due
        try:
            load.wait(TIMEOUT + 20)
        except subprocess.TimeoutExpired:
            load.kill()
            raise
    written = [vegeta, "report", "-type=json", str(output)]
    told = json.loads(subprocess.run(written, capture_output=True, check=True, timeout=60).stdout)
    failed = [f"{count} with status {code}" for code, count in told["status_codes"].items() if code != "200"]
    slowest = told["latencies"]["max"] / 1e9
    failed += told["errors"] or []
    reports.append(Report(told["requests"], told["rate"], told["throughput"], failed, slowest))


def check(report: Report, what: str, *, rate: int = RATE) -> None:
    print(f"{what}: {report}")
    assert report.failed == []
    # The tool sends at its rate whatever comes back: that all was answered in that time, too, shows in the throughput.
    assert report.rate >= 0.98 * rate
    assert report.throughput >= HELD * rate


def require_rate(vegeta: str, url: str, place: pathlib.Path, *, rate: int) -> None:
    """A host too slow for the load says so, before what it loses is put down to the restarts."""
    with attack(vegeta, url, place, rate=rate) as reports:
        time.sleep(SETTLE)
    if reports[0].throughput < HELD * rate:
        pytest.fail(
            f"this host answers {reports[0].throughput:.0f} requests a second, {rate} are needed; {reports}"
        )


def builds(host: t.Any, hello: t.Any) -> list[str]:
    """Two versions in the store, the one in use first."""
    if not host.file("/opt/gofleet/hello/previous").exists:
        done = provision(host, described(artefact__build__ldflags="-s -w -X main.version=2.0.0"))
        assert done.returncode == 0, done.stdout
    return [hello.current(), host.check_output("readlink /opt/gofleet/hello/previous")]


@pytest.mark.on("deb13")
def test_restarts_into_other_builds_lose_no_request(
    host: t.Any, hello: t.Any, vegeta: str, url: str, tmp_path: pathlib.Path
) -> None:
    first, second = builds(host, hello)
    before = hello.pid()
    require_rate(vegeta, url, tmp_path, rate=RATE)
    with attack(vegeta, url, tmp_path) as reports:
        pids = host.check_output(RESTART, first, second).split()
    check(reports[0], f"{RESTARTS} restarts, each into the other build")
    assert len({str(before), *pids}) == RESTARTS + 1
    assert hello.current() == first


@pytest.mark.on("deb13")
def test_new_build_and_one_taken_back_lose_no_request(
    host: t.Any, hello: t.Any, vegeta: str, url: str, tmp_path: pathlib.Path
) -> None:
    rate = SLOW_RATE if is_vm(host) else RATE
    old = hello.current()
    flags = "-s -w -X main.version="
    with attack(vegeta, url, tmp_path, rate=rate) as reports:
        new = provision(host, described(artefact__build__ldflags=f"{flags}3.0.0"))
        shipped = hello.current()
        sick = described(
            artefact__build__ldflags=f"{flags}sick", arguments=["-fail-health"], health={"timeout": 5}
        )
        taken_back = provision(host, sick)
    assert new.returncode == 0, new.stdout
    assert shipped != old
    assert taken_back.returncode != 0, taken_back.stdout
    assert hello.current() == shipped
    assert "3.0.0" in hello.fetch()
    check(reports[0], "a new build, and one that is not healthy and is taken back", rate=rate)
