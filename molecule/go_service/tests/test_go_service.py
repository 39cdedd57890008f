# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role refuses, what it takes back, and what a client notices of a new build."""

from __future__ import annotations

import copy
import json
import os
import pathlib
import subprocess
import typing as t

import pytest
import yaml

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
INVENTORY = PROJECT / "molecule" / "inventory"
SCENARIO = PROJECT / "molecule" / "go_service"
SOURCES = PROJECT / "examples" / "hello"

testinfra_hosts = ["ansible://go_hosts"]


def described(**changes: t.Any) -> dict[str, t.Any]:
    """The service as the scenario's inventory has it, with some of it changed."""
    variables = yaml.safe_load((INVENTORY / "group_vars" / "all" / "site.yml").read_text(encoding="utf-8"))
    service = copy.deepcopy(variables["go_service_services"][0])
    service["artefact"]["build"]["directory"] = str(SOURCES)
    for path, value in changes.items():
        place = service
        *parents, last = path.split("__")
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return service


def play(host: t.Any, playbook: str, **variables: t.Any) -> subprocess.CompletedProcess[str]:
    """Run a playbook of the scenario on one host."""
    argv = [
        "ansible-playbook",
        f"--inventory={INVENTORY}",
        f"--limit={host.backend.host}",
        str(SCENARIO / playbook),
    ]
    argv.append(f"--extra-vars={json.dumps(variables)}")
    environment = {**os.environ, "ANSIBLE_PIPELINING": "true", "ANSIBLE_FORCE_COLOR": "0"}
    # Molecule's configuration sends failures to stderr: one stream has all.
    return subprocess.run(
        argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def provision(host: t.Any, *services: dict[str, t.Any]) -> subprocess.CompletedProcess[str]:
    """Run the role on one host with these services."""
    return play(host, "converge.yml", go_service_services=list(services))


# What must not move when something is refused: process, release, units and profile on disk.
STATE = """
systemctl show -P MainPID hello.service
readlink /opt/gofleet/hello/current
cat /etc/systemd/system/hello.service /etc/systemd/system/hello.socket /etc/apparmor.d/gofleet.hello | sha256sum
ls -A /opt/gofleet /opt/gofleet/hello
"""
REFUSED = {
    "no artefact": ([{"artefact": {}}], "service hello: wanted an artefact; found none"),
    "misspelled key": ([{"sandbox__capabilites": []}], "capabilites"),
    "low port without the capability": ([{"port": 80, "socket": False}], "wanted CAP_NET_BIND_SERVICE for port 80"),
    "two services on one port": ([{}, {"name": "other"}], "wanted port 8080 for only one service; found service hello"),
    "sources that do not build": ([{"artefact__build__package": "./no-such-package"}], "go build ended with 1"),
    "another architecture": ([{"artefact__build__goarch": "arm64"}], "found one for GOARCH arm64"),
    "an AppArmor rule that does not parse": ([{"apparmor__rules": ["/etc/hello mrwx"]}], "gofleet.hello"),
    "a unit that does not verify": ([{"limits__cpu_quota": "plenty"}], "plenty"),
    "a sandbox opened too far": ([{"sandbox__syscalls": ["@privileged @mount @module @debug @raw-io"]}], "exposure"),
}  # fmt: skip


@pytest.fixture(scope="module")
def refused(host: t.Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, t.Any]:
    """How the role ended with each description, and the state of the host before all and after each."""
    output = tmp_path_factory.mktemp("refused") / "tries.json"
    tries = {name: [described(**change) for change in changes] for name, (changes, dummy) in REFUSED.items()}
    done = play(
        host, "refused.yml", refused=tries, refused_watch=f"set -e; {STATE}", refused_output=str(output)
    )
    assert done.returncode == 0, done.stdout
    found: dict[str, t.Any] = json.loads(output.read_text(encoding="utf-8"))
    return found


@pytest.mark.on("deb12")
@pytest.mark.parametrize("name", REFUSED)
def test_refuses_before_anything_changes(refused: dict[str, t.Any], name: str) -> None:
    tried = refused["tries"][name]
    assert tried["message"] is not None, "it was accepted"
    assert REFUSED[name][1] in tried["message"]
    assert int(refused["before"].split()[0])
    assert tried["after"] == refused["before"]


@pytest.mark.on("deb12")
def test_a_build_that_is_not_healthy_is_taken_back(host: t.Any, hello: t.Any) -> None:
    before = hello.current()
    sick = described(
        artefact__build__ldflags="-s -w -X main.version=sick",
        arguments=["-fail-health"],
        health={"timeout": 5},
    )
    done = provision(host, sick)
    assert done.returncode != 0, done.stdout
    assert "hello.service" in done.stdout
    assert hello.current() == before
    assert "-fail-health" not in host.file("/etc/systemd/system/hello.service").content_string
    assert "hello" in hello.fetch()
    assert hello.label() == "gofleet.hello (enforce)"


@pytest.mark.on("deb13")
def test_a_build_that_does_not_start_is_taken_back(host: t.Any, hello: t.Any) -> None:
    before = hello.current()
    done = provision(host, described(arguments=["-no-such-flag"]))
    assert done.returncode != 0, done.stdout
    assert hello.current() == before
    assert "hello" in hello.fetch()


def test_a_new_build_replaces_the_old_one_and_loses_no_request(host: t.Any, hello: t.Any) -> None:
    old = hello.current()
    with hello.loaded() as loads:
        done = provision(host, described(artefact__build__ldflags="-s -w -X main.version=2.0.0"))
    assert done.returncode == 0, done.stdout
    (load,) = loads
    print(f"{load.answered}, {len(load.failed)} failed while the build was replaced")
    assert load.failed == []
    assert "2.0.0" in hello.fetch()
    assert hello.current() != old
    assert host.check_output("readlink /opt/gofleet/hello/previous") == old


@pytest.mark.on("deb13")
def test_a_process_of_an_old_build_is_found_and_replaced(host: t.Any, hello: t.Any) -> None:
    """As after a run that was killed between the switch and the restart."""
    new, old = hello.current(), host.check_output("readlink /opt/gofleet/hello/previous")
    host.run_test("ln -sfn %s /opt/gofleet/hello/current && systemctl restart hello.service", old)
    host.run_test("ln -sfn %s /opt/gofleet/hello/current", new)
    assert "2.0.0" not in hello.fetch()
    done = provision(host, described(artefact__build__ldflags="-s -w -X main.version=2.0.0"))
    assert done.returncode == 0, done.stdout
    assert "2.0.0" in hello.fetch()
