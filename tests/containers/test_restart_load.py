# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restarts, a new build and one that is taken back at 200 requests a second, which an emulated host cannot answer."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from load_tool import RESTARTS, attack, check, restarting, vegeta

from .container_lab import PROJECT, ContainerLab, container_lab

PLAYBOOK = PROJECT / "molecule" / "playbooks" / "restart_load.yml"
HOST = "server"
STORE = "/opt/gofleet/hello"


def service(version: str, **changes: t.Any) -> list[dict[str, t.Any]]:
    flags = f"-s -w -X main.version={version}"
    build = {"directory": str(PROJECT / "examples" / "hello"), "ldflags": flags}
    return [
        {"name": "hello", "port": 8080, "artefact": {"build": build}, "health": {"timeout": 30}, **changes}
    ]


class Server(t.NamedTuple):
    """The one host of the lab, with the service on it."""

    lab: ContainerLab

    @property
    def url(self) -> str:
        return f"http://{self.lab.address(HOST)}:8080/"

    def shell(self, script: str) -> str:
        return self.lab.shell(HOST, script).strip()

    def link(self, name: str) -> str:
        return self.shell(f"readlink {STORE}/{name}")


@pytest.fixture(scope="module")
def server() -> t.Iterator[Server]:
    vegeta()
    with container_lab("load", **{HOST: "debian-13"}) as lab:
        for version in ("1.0.0", "2.0.0"):
            lab.play(PLAYBOOK, go_service_services=service(version))
        yield Server(lab)


def test_restarts_into_other_builds_lose_no_request(server: Server, tmp_path: pathlib.Path) -> None:
    first, second = server.link("current"), server.link("previous")
    before = server.shell("systemctl show -P MainPID hello.service")
    with attack(server.url, tmp_path) as reports:
        pids = server.shell(restarting(first, second)).split()
    check(reports[0], f"{RESTARTS} restarts, each into the other build")
    assert len({before, *pids}) == RESTARTS + 1
    assert server.link("current") == first


def test_new_build_and_one_taken_back_lose_no_request(server: Server, tmp_path: pathlib.Path) -> None:
    old = server.link("current")
    with attack(server.url, tmp_path) as reports:
        server.lab.play(PLAYBOOK, go_service_services=service("3.0.0"))
        shipped = server.link("current")
        sick = service("sick", arguments=["-fail-health"], health={"timeout": 5})
        taken_back = server.lab.try_play(PLAYBOOK, go_service_services=sick)
    assert shipped != old
    assert taken_back.returncode != 0, taken_back.stdout
    assert server.link("current") == shipped
    assert "3.0.0" in server.shell(f"{STORE}/current/hello -version")
    check(reports[0], "a new build, and one that is not healthy and is taken back")
