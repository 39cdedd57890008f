# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Go on hosts that have one already: from a repository that is not ours, back again, and under wrong requests.

Faults of the line, the archive and the disk are in tests/faults, on a real directory tree.
"""

from __future__ import annotations

import json
import subprocess
import typing as t

import pytest

from .container_lab import ENVIRONMENT, PROJECT, ContainerLab, container_lab

PLAYBOOK = PROJECT / "molecule" / "playbooks" / "go_toolchain.yml"
FOREIGN_REPO = PROJECT / "tests" / "foreign_repo"
NOWHERE = "http://127.0.0.1:9/dl"
HOSTS = {"deb12": "debian-12", "deb13": "debian-13"}


@pytest.fixture(scope="module")
def lab() -> t.Iterator[ContainerLab]:
    """Hosts that have an older Go."""
    with container_lab("toolchain", **HOSTS) as lab:
        lab.play(PLAYBOOK)
        yield lab


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def go_version(lab: ContainerLab, host: str) -> str:
    return lab.shell(host, "/usr/local/bin/go version").split()[2]


def play_foreign(lab: ContainerLab) -> subprocess.CompletedProcess[str]:
    """Run the playbook of the foreign repository, in its directory and with its configuration."""
    variables = {"target": "lab", "site_go_mirror": lab.mirror}
    return subprocess.run(
        [
            "ansible-playbook",
            f"--inventory={lab.inventory}",
            f"--extra-vars={json.dumps(variables)}",
            "playbook.yml",
        ],
        cwd=FOREIGN_REPO,
        env={**ENVIRONMENT, "ANSIBLE_CONFIG": str(FOREIGN_REPO / "ansible.cfg")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_the_older_go_is_there(lab: ContainerLab, host: str) -> None:
    assert go_version(lab, host) == "go1.26.5"


def test_a_foreign_repository_uses_one_role_alone(lab: ContainerLab) -> None:
    first = play_foreign(lab)
    assert first.returncode == 0, first.stdout
    assert {go_version(lab, host) for host in HOSTS} == {"go1.27.3"}
    second = play_foreign(lab)
    assert second.stdout.count("changed=0 ") == len(HOSTS), second.stdout


def test_going_back_needs_no_network(lab: ContainerLab, host: str) -> None:
    done = lab.module(host, "go_toolchain", versions=["1.26.5"], mirror=NOWHERE)
    assert done["changed"] is True, done
    assert go_version(lab, host) == "go1.26.5"


def test_rolling_back_goes_to_the_one_before(lab: ContainerLab, host: str) -> None:
    done = lab.module(host, "go_toolchain", state="rolled_back", mirror=NOWHERE)
    assert done["changed"] is True, done
    assert go_version(lab, host) == "go1.27.3"


@pytest.mark.parametrize("version", ["1.99.0", "1.99", "yesterday's"])
def test_a_version_that_is_none_changes_nothing(lab: ContainerLab, host: str, version: str) -> None:
    before = go_version(lab, host)
    done = lab.module(host, "go_toolchain", versions=[version], mirror=lab.mirror)
    assert "error" in done, done
    assert version in done["msg"]
    assert go_version(lab, host) == before


def test_a_distributions_go_does_not_come_first(lab: ContainerLab, host: str) -> None:
    """/usr/local/bin stands before /usr/bin on the PATH of logins and of services."""
    lab.shell(
        host, "install -m 755 /dev/stdin /usr/bin/go", stdin=b"#!/bin/sh\necho go version distribution\n"
    )
    assert "go1.27.3" in lab.shell(host, "su - nobody -s /bin/sh -c 'cd / && go version'")
    assert "go1.27.3" in lab.shell(host, "systemd-run --quiet --pipe --wait go version")
