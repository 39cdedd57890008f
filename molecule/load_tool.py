# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A load tool of others (vegeta) against the service hello, and restarts meanwhile; for virtual and container hosts.

It sends at its rate whatever comes back, and counts each request.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import typing as t

from lab.places import cache_dir

__all__ = ["RATE", "RESTARTS", "Report", "attack", "check", "restarting", "vegeta"]

_VERSION = "v12.13.0"
_TOOL = f"github.com/tsenart/vegeta/v12@{_VERSION}"
RATE = 200  # requests a second
RESTARTS = 20  # an even number of switches ends where it began
_HELD = 0.9  # of the rate, answered until the last answer
# As many clients as a small front end is; the rest wait for one of these, as behind a proxy.
_CONNECTIONS = 32
_PACE = 0.5  # seconds between restarts
# Not to be refused is what counts: an emulated processor works off for long what waited during a restart.
_TIMEOUT = 180


def vegeta() -> str:
    """The program, built once. It runs on the controller: an emulated processor would be busy with it alone."""
    program = cache_dir() / "vegeta" / _VERSION / "vegeta"
    if not program.exists():
        environment = {**os.environ, "GOBIN": str(program.parent), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}
        subprocess.run(["go", "install", "-ldflags=-s -w", _TOOL], env=environment, check=True, timeout=600)
    return str(program)


class Report(t.NamedTuple):
    """What the load tool counted."""

    requests: int
    rate: float  # sent a second
    throughput: float  # answered with 200 a second, until the last answer
    failed: list[str]
    slowest: float  # seconds


@contextlib.contextmanager
def attack(url: str, place: pathlib.Path, *, rate: int = RATE) -> t.Iterator[list[Report]]:
    """Load until the end of the block; the list has the report afterwards.

    :param rate: requests a second; 0 for as many as are answered, each client waiting for its answer
    """
    targets, output = place / "targets", place / "load.bin"
    targets.write_text(f"GET {url}\n")
    argv = [
        vegeta(),
        "attack",
        f"-rate={rate}",
        "-duration=0",
        f"-timeout={_TIMEOUT}s",
        f"-targets={targets}",
    ]
    argv += [f"-connections={_CONNECTIONS}", f"-max-connections={_CONNECTIONS}", f"-output={output}"]
    if not rate:
        argv.append(f"-max-workers={_CONNECTIONS}")
    load = subprocess.Popen(argv)
    reports: list[Report] = []
    try:
        yield reports
    finally:
        load.send_signal(signal.SIGINT)  # it sends no more, and waits for the answers that are due
        try:
            load.wait(_TIMEOUT + 20)
        except subprocess.TimeoutExpired:
            load.kill()
            raise
    reports.append(_report(output))


def _report(output: pathlib.Path) -> Report:
    argv = [vegeta(), "report", "-type=json", str(output)]
    told = json.loads(subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout)
    failed = [f"{count} with status {code}" for code, count in told["status_codes"].items() if code != "200"]
    failed += told["errors"] or []
    return Report(told["requests"], told["rate"], told["throughput"], failed, told["latencies"]["max"] / 1e9)


def check(report: Report, what: str, *, rate: int = RATE, held: bool = True) -> None:
    """
    :param held: whether all must have been answered at the rate, too, not only be answered
    """
    print(f"{what}: {report}")
    assert report.requests > 0
    assert report.failed == []
    assert report.rate >= 0.98 * rate
    assert not held or report.throughput >= _HELD * rate


def restarting(first: str, second: str, *, restarts: int = RESTARTS) -> str:
    """A script that restarts hello into the other of two builds again and again, and prints each process id.

    One script, because each call of Ansible's takes seconds of an emulated processor.
    """
    return f"""set -e; now={first}; next={second}
for number in $(seq {restarts}); do
  ln -sfn "$next" /opt/gofleet/hello/current
  # systemd would refuse the sixth start within ten seconds, and then the socket's too.
  systemctl reset-failed hello.service hello.socket
  systemctl restart hello.service
  systemctl show -P MainPID hello.service
  last=$now; now=$next; next=$last
  sleep {_PACE}
done"""
