# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AppArmor has a part in of what the role refuses and takes back, and what a client notices of a new build.

All else that it refuses and takes back is in tests/containers/test_go_service_failures.py.
"""

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
PLAYBOOK = PROJECT / "molecule" / "go_service" / "run.yml"
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


def provision(host: t.Any, *services: dict[str, t.Any]) -> subprocess.CompletedProcess[str]:
    """Run the role on one host with these services."""
    name = host.backend.host
    argv = ["ansible-playbook", f"--inventory={INVENTORY}", f"--limit={name}", str(PLAYBOOK)]
    argv.append(f"--extra-vars={json.dumps({'go_service_services': list(services)})}")
    environment = {**os.environ, "ANSIBLE_PIPELINING": "true", "ANSIBLE_FORCE_COLOR": "0"}
    # Molecule's configuration sends failures to stderr: one stream has all.
    return subprocess.run(
        argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def state(hello: t.Any) -> tuple[t.Any, ...]:
    """What must not move when something is refused: process, release, units and profile on disk."""
    files = hello.host.check_output(
        "cd /etc && cat systemd/system/hello.service systemd/system/hello.socket apparmor.d/gofleet.hello | sha256sum"
    )
    releases = hello.host.check_output("ls -A /opt/gofleet /opt/gofleet/hello")
    return hello.pid(), hello.current(), files, releases


@pytest.mark.on("deb12")
def test_refuses_an_apparmor_rule_that_does_not_parse(host: t.Any, hello: t.Any) -> None:
    before = state(hello)
    done = provision(host, described(apparmor__rules=["/etc/hello mrwx"]))
    assert done.returncode != 0, done.stdout
    assert "gofleet.hello" in done.stdout
    assert state(hello) == before


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
