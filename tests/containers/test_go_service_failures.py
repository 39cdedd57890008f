# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role go_service refuses before it changes a host, and what it takes back, on both releases of Debian.

What AppArmor has a part in is in molecule/go_service.
"""

from __future__ import annotations

import copy
import json
import typing as t

import pytest

from .container_lab import PROJECT, ContainerLab, container_lab

PLAYBOOK = PROJECT / "molecule" / "playbooks" / "go_service.yml"
REFUSED_PLAYBOOK = PROJECT / "molecule" / "playbooks" / "refused.yml"
HOSTS = {"deb12": "debian-12", "deb13": "debian-13"}
HELLO = {
    "name": "hello",
    "description": "Says hello, with metrics",
    "port": 8080,
    "artefact": {"build": {"directory": str(PROJECT / "examples" / "hello"), "ldflags": "-s -w"}},
    "limits": {"memory_max": "256M"},
    "health": {"timeout": 120},
}
FETCH = (
    "python3 -c 'import urllib.request as r;"
    ' print(r.urlopen("http://127.0.0.1:8080/", timeout=60).read().decode())\''
)
# What must not move when something is refused: process, release and units on disk.
STATE = """
set -e
systemctl show -P MainPID hello.service
readlink /opt/gofleet/hello/current
cat /etc/systemd/system/hello.service /etc/systemd/system/hello.socket | sha256sum
ls -A /opt/gofleet /opt/gofleet/hello
"""
REFUSED = {
    "no artefact": ([{"artefact": {}}], "service hello: wanted an artefact; found none"),
    "misspelled key": ([{"sandbox__capabilites": []}], "capabilites"),
    "low port without the capability": ([{"port": 80, "socket": False}], "wanted CAP_NET_BIND_SERVICE for port 80"),
    "two services on one port": ([{}, {"name": "other"}], "wanted port 8080 for only one service; found service hello"),
    "sources that do not build": ([{"artefact__build__package": "./no-such-package"}], "go build ended with 1"),
    "another architecture": ([{"artefact__build__goarch": "arm64"}], "found one for GOARCH arm64"),
    "a unit that does not verify": ([{"limits__cpu_quota": "plenty"}], "plenty"),
    "a sandbox opened too far": ([{"sandbox__syscalls": ["@privileged @mount @module @debug @raw-io"]}], "exposure"),
}  # fmt: skip


def described(**changes: t.Any) -> dict[str, t.Any]:
    """The service, with some of its description changed."""
    service: dict[str, t.Any] = copy.deepcopy(HELLO)
    for path, value in changes.items():
        place = service
        *parents, last = path.split("__")
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return service


@pytest.fixture(scope="module")
def lab() -> t.Iterator[ContainerLab]:
    with container_lab("failures", **HOSTS) as lab:
        lab.play(PLAYBOOK, go_service_services=[described()])
        yield lab


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def refused(lab: ContainerLab, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, t.Any]]:
    """By host: how the role ended with each description, and the state before all and after each."""
    output = tmp_path_factory.mktemp("refused")
    tries = {name: [described(**change) for change in changes] for name, (changes, dummy) in REFUSED.items()}
    lab.play(REFUSED_PLAYBOOK, refused=tries, refused_watch=STATE, refused_output=str(output))
    return {name: json.loads((output / f"{name}.json").read_text(encoding="utf-8")) for name in HOSTS}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_before_anything_changes(refused: dict[str, dict[str, t.Any]], host: str, name: str) -> None:
    before, tried = refused[host]["before"], refused[host]["tries"][name]
    assert int(before.split()[0]), "it did not run"
    assert tried["message"] is not None, "it was accepted"
    assert REFUSED[name][1] in tried["message"]
    assert tried["after"] == before


class Hello(t.NamedTuple):
    """The service on one of the hosts."""

    lab: ContainerLab
    host: str

    def shell(self, script: str) -> str:
        return self.lab.shell(self.host, script).strip()

    def link(self, name: str) -> str:
        return self.shell(f"readlink /opt/gofleet/hello/{name}")

    def answer(self) -> str:
        return self.shell(FETCH)


@pytest.fixture(scope="module")
def hellos(lab: ContainerLab) -> list[Hello]:
    return [Hello(lab, host) for host in HOSTS]


def test_a_build_that_does_not_start_is_taken_back(lab: ContainerLab, hellos: list[Hello]) -> None:
    before = [hello.link("current") for hello in hellos]
    done = lab.try_play(PLAYBOOK, go_service_services=[described(arguments=["-no-such-flag"])])
    assert done.returncode != 0, done.stdout
    assert done.stdout.count("failed=1 ") == len(HOSTS), done.stdout
    assert [hello.link("current") for hello in hellos] == before
    for hello in hellos:
        assert "hello" in hello.answer()


def test_a_process_of_an_old_build_is_found_and_replaced(lab: ContainerLab, hellos: list[Hello]) -> None:
    """As after a run that was killed between the switch and the restart."""
    newer = [described(artefact__build__ldflags="-s -w -X main.version=2.0.0")]
    lab.play(PLAYBOOK, go_service_services=newer)
    for hello in hellos:
        new, old = hello.link("current"), hello.link("previous")
        hello.shell(f"ln -sfn {old} /opt/gofleet/hello/current && systemctl restart hello.service")
        hello.shell(f"ln -sfn {new} /opt/gofleet/hello/current")
        assert "2.0.0" not in hello.answer()
    lab.play(PLAYBOOK, go_service_services=newer)
    for hello in hellos:
        assert "2.0.0" in hello.answer()
