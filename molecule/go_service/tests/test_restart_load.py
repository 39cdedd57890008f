# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restarts, a new build and a build that is taken back, under a load that counts each request: none is lost.

At the rate that is to be held, where the host can answer so much. What an emulated processor answers depends on what
else its machine does, so it is measured first and told; tests/containers/test_restart_load.py shows the rate anywhere.
"""

from __future__ import annotations

import os
import pathlib
import time
import typing as t

import pytest
from lab.accel import local_accelerator
from lab.qmp import monitor
from lab.state import free_port, require_lab
from load_tool import RATE, RESTARTS, attack, check, restarting, vegeta

from .test_go_service import described, provision

testinfra_hosts = ["ansible://go_hosts"]

MEASURED = 6  # seconds
# Of the restarts, where each takes seconds of an emulated processor; RESTART_LOAD=1 does all of them.
FEWER_RESTARTS = 6
LEAST = 20  # requests a second: below it the host is too slow to show anything
# Of what a host answers: a restart leaves a queue to work off, and Ansible needs an emulated processor for itself.
WHILE_RESTARTING = 0.4
WHILE_PROVISIONED = 0.25


@pytest.fixture(scope="module", autouse=True)
def tool() -> None:
    vegeta()


def emulated(host: t.Any) -> bool:
    kind = require_lab(os.environ["LAB_NAME"]).host(host.backend.host).kind
    return kind == "vm" and local_accelerator().accel != "kvm"


@pytest.fixture
def url(host: t.Any) -> t.Iterator[str]:
    """The service as the controller reaches it."""
    lab = require_lab(os.environ["LAB_NAME"])
    member = lab.host(host.backend.host)
    if member.kind == "container":
        yield f"http://{member.address}:8080/"
        return
    monitored = lab.run / f"{member.name}.qmp"
    forward = f"tcp:127.0.0.1:{free_port()}"
    told = monitor(monitored, command=f"hostfwd_add nat {forward}-:8080", timeout=20)
    assert not told.strip(), told
    yield f"http://{forward.removeprefix('tcp:')}/"
    monitor(monitored, command=f"hostfwd_remove nat {forward}", timeout=20)


def rate_for(host: t.Any, url: str, place: pathlib.Path, *, part: float) -> int:
    """Requests a second that are sent: all that are to be held, or a part of what an emulated processor answers."""
    if not emulated(host):
        return RATE
    with attack(url, place, rate=0) as reports:
        time.sleep(MEASURED)
    answers = reports[0].throughput
    if answers < LEAST:
        pytest.fail(f"this emulated processor answers {answers:.0f} requests a second, {LEAST} are needed")
    chosen = min(RATE, round(answers * part))
    print(f"emulated: {answers:.0f} requests a second are answered, so {chosen} are sent of {RATE}")
    return chosen


def builds(host: t.Any, hello: t.Any) -> tuple[str, str]:
    """Two versions in the store, the one in use first."""
    if not host.file("/opt/gofleet/hello/previous").exists:
        done = provision(host, described(artefact__build__ldflags="-s -w -X main.version=2.0.0"))
        assert done.returncode == 0, done.stdout
    return hello.current(), host.check_output("readlink /opt/gofleet/hello/previous")


@pytest.mark.on("deb13")
def test_restarts_into_other_builds_lose_no_request(
    host: t.Any, hello: t.Any, url: str, tmp_path: pathlib.Path
) -> None:
    first, second = builds(host, hello)
    rate = rate_for(host, url, tmp_path, part=WHILE_RESTARTING)
    restarts = FEWER_RESTARTS if emulated(host) and not os.environ.get("RESTART_LOAD") else RESTARTS
    before = hello.pid()
    with attack(url, tmp_path, rate=rate) as reports:
        pids = host.check_output("sh -c %s", restarting(first, second, restarts=restarts)).split()
    check(reports[0], f"{restarts} restarts, each into the other build", rate=rate, held=not emulated(host))
    assert len({str(before), *pids}) == restarts + 1
    assert hello.current() == first


@pytest.mark.on("deb13")
def test_new_build_and_one_taken_back_lose_no_request(
    host: t.Any, hello: t.Any, url: str, tmp_path: pathlib.Path
) -> None:
    if emulated(host) and not os.environ.get("RESTART_LOAD"):
        pytest.skip(
            "emulated, this takes minutes; a container host shows the same, and RESTART_LOAD=1 does it here"
        )
    rate = rate_for(host, url, tmp_path, part=WHILE_PROVISIONED)
    old = hello.current()
    flags, version = "-s -w -X main.version=", f"3.0.{int(time.time())}"
    with attack(url, tmp_path, rate=rate) as reports:
        new = provision(host, described(artefact__build__ldflags=f"{flags}{version}"))
        shipped = hello.current()
        sick = described(
            artefact__build__ldflags=f"{flags}sick", arguments=["-fail-health"], health={"timeout": 5}
        )
        taken_back = provision(host, sick)
    assert new.returncode == 0, new.stdout
    assert shipped != old
    assert taken_back.returncode != 0, taken_back.stdout
    assert hello.current() == shipped
    assert version in hello.fetch()
    what = "a new build, and one that is not healthy and is taken back"
    check(reports[0], what, rate=rate, held=not emulated(host))
