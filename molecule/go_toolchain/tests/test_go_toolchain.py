# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Go on hosts that have one already: from a repository that is not ours, back again, and under wrong requests.

Faults of the line, the archive and the disk are in tests/faults, on a real directory tree.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import typing as t

import pytest

PROJECT = pathlib.Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
INVENTORY = PROJECT / "molecule" / "inventory"
FOREIGN_REPO = PROJECT / "tests" / "foreign_repo"
NOWHERE = "http://127.0.0.1:9/dl"

testinfra_hosts = ["ansible://go_hosts"]


def ansible(*argv: str, cwd: pathlib.Path = PROJECT, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if key != "ANSIBLE_CONFIG"}
    return subprocess.run(
        argv,
        cwd=cwd,
        env={**inherited, "ANSIBLE_FORCE_COLOR": "0", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def install(host: t.Any, options: str) -> subprocess.CompletedProcess[str]:
    """Run the module alone on one host."""
    name = host.backend.host
    inventory = f"--inventory={INVENTORY}"
    return ansible("ansible", inventory, name, "--become", "-m", "gofleet.hosts.go_toolchain", "-a", options)


def go_version(host: t.Any) -> str:
    return host.check_output("/usr/local/bin/go version").split()[2]


def test_the_older_go_is_there(host: t.Any) -> None:
    assert go_version(host) == "go1.26.5"


def test_a_foreign_repository_uses_one_role_alone(host: t.Any) -> None:
    name = host.backend.host
    argv = [
        "ansible-playbook",
        f"--inventory={INVENTORY}",
        "--extra-vars=target=go_hosts",
        f"--limit={name}",
        "playbook.yml",
    ]
    argv.append("--extra-vars=site_go_mirror={{ lab_go_mirror }}")
    environment = {"ANSIBLE_CONFIG": str(FOREIGN_REPO / "ansible.cfg")}
    first = ansible(*argv, cwd=FOREIGN_REPO, **environment)
    assert first.returncode == 0, first.stdout
    assert go_version(host) == "go1.27.3"
    second = ansible(*argv, cwd=FOREIGN_REPO, **environment)
    assert "changed=0 " in second.stdout


def test_going_back_needs_no_network(host: t.Any) -> None:
    done = install(host, f"versions=1.26.5 mirror={NOWHERE}")
    assert done.returncode == 0, done.stdout
    assert go_version(host) == "go1.26.5"


def test_rolling_back_goes_to_the_one_before(host: t.Any) -> None:
    assert install(host, f"state=rolled_back mirror={NOWHERE}").returncode == 0
    assert go_version(host) == "go1.27.3"


@pytest.mark.parametrize("version", ["1.99.0", "1.99", "yesterday's"])
def test_a_version_that_is_none_changes_nothing(host: t.Any, version: str) -> None:
    before = go_version(host)
    done = install(host, f'versions="{version}" mirror={{{{ lab_go_mirror }}}}')
    assert done.returncode != 0
    assert version in done.stdout
    assert go_version(host) == before


def test_a_distributions_go_does_not_come_first(host: t.Any) -> None:
    """/usr/local/bin stands before /usr/bin on the PATH of logins and of services."""
    host.run_test("install -m 755 /dev/stdin /usr/bin/go <<'GO'\n#!/bin/sh\necho go version distribution\nGO")
    assert "go1.27.3" in host.check_output("su - nobody -s /bin/sh -c 'cd / && go version'")
    assert "go1.27.3" in host.check_output("systemd-run --quiet --pipe --wait go version")
