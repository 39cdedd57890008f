# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Container hosts for a test file: systemd and sshd in podman, up within seconds, with this machine's kernel.

For what needs many hosts, or a compiler at native speed; what needs a kernel of its own (AppArmor, sysctl, eBPF) is
Molecule's. A file makes its hosts once and takes what they need from the lab, packages and images included::

    @pytest.fixture(scope="module")
    def lab() -> t.Iterator[ContainerLab]:
        with container_lab("rollout", **{f"web{number}": "debian-13" for number in range(20)}) as lab:
            yield lab

    def test_something(lab: ContainerLab) -> None:
        lab.play("molecule/rollout/converge.yml", go_toolchain_mirror=lab.mirror)   # fails with the play's output
        assert lab.module("web0", "go_toolchain", versions=["1.26.6"])["changed"] is False
        assert lab.shell("web0", "go version").startswith("go version go1.26.6")
        lab.reset("web0")                                                           # a new host of that name

`try_play` returns how a play ended; `playbook` and `ENVIRONMENT` are for those who kill one. The name of the lab
must be the file's own: two files with one name would end each other's hosts.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import typing as t

import yaml
from lab import container
from lab.recipe import Kind
from lab.ssh import ssh_argv
from lab.state import locked, require_lab
from lab.up import down, reset, up

__all__ = ["ENVIRONMENT", "PROJECT", "ContainerLab", "container_lab", "vm_lab"]

PROJECT = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    **os.environ,
    "ANSIBLE_FORCE_COLOR": "false",
    "ANSIBLE_FORKS": "20",
    "ANSIBLE_INJECT_FACT_VARS": "false",
    "ANSIBLE_NOCOLOR": "true",
    "ANSIBLE_PIPELINING": "true",
}
LIMIT = 1800  # seconds, for what never ends by itself; emulated hosts are slow


@contextlib.contextmanager
def container_lab(name: str, /, **hosts: str) -> t.Iterator[ContainerLab]:
    """Hosts by name, each with its image, for as long as the block lasts."""
    with _lab(name, "container", hosts):
        yield ContainerLab(name)


@contextlib.contextmanager
def vm_lab(name: str, /, **hosts: str) -> t.Iterator[ContainerLab]:
    """The same with virtual machines, for what needs other kernels than Molecule's hosts have."""
    with _lab(name, "vm", hosts):
        yield ContainerLab(name)


@contextlib.contextmanager
def _lab(name: str, kind: Kind, hosts: dict[str, str]) -> t.Iterator[None]:
    with locked(name):
        down(name)  # what a run that was killed has left
        up(name, kind=kind, wanted=hosts)
    try:
        yield
    finally:
        with locked(name):
            down(name)


class ContainerLab:
    """The hosts of a lab that is up, and the controller's ways to them."""

    def __init__(self, name: str) -> None:
        self.state = require_lab(name)
        self.inventory = self.state.folder / "inventory.yml"
        variables = yaml.safe_load(self.inventory.read_text(encoding="utf-8"))["all"]["vars"]
        self.mirror: str = variables["lab_go_mirror"]

    @property
    def hosts(self) -> list[str]:
        return [host.name for host in self.state.hosts]

    @property
    def controller(self) -> str:
        """The address of the controller as the hosts see it."""
        return container.gateway(self.state)

    def address(self, host: str) -> str:
        """The address of a host, for the controller and for the other hosts."""
        return self.state.host(host).address

    def shell(self, host: str, script: str, *, stdin: bytes = b"") -> str:
        """What a shell command prints on a host; the test fails if it does."""
        done = self.try_shell(host, script, stdin=stdin)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        return done.stdout.decode()

    def try_shell(self, host: str, script: str, *, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a shell command on a host as root, and tell how it ended."""
        argv = self.ssh(host, script)
        return subprocess.run(argv, input=stdin, capture_output=True, timeout=LIMIT, check=False)

    def ssh(self, host: str, script: str, *, shared: bool = True) -> list[str]:
        """The command that runs a shell command on a host as root, for files and pipes of the caller's own.

        :param shared: over the connection that Ansible has; its sessions keep the environment that it was opened with
        """
        return [*ssh_argv(self.state, host=self.state.host(host), shared=shared), script]

    def playbook(self, path: str | pathlib.Path, *options: str, **variables: t.Any) -> list[str]:
        """The command that runs a playbook (a file of the checkout, or gofleet.hosts.site and its like)."""
        argv = ["ansible-playbook", f"--inventory={self.inventory}", *options, str(path)]
        return [*argv, f"--extra-vars={json.dumps(variables)}"]

    def try_play(
        self, path: str | pathlib.Path, *options: str, **variables: t.Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook, and tell how it ended; the output is one stream."""
        return subprocess.run(
            self.playbook(path, *options, **variables),
            cwd=PROJECT,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT,
            check=False,
        )

    def play(self, path: str | pathlib.Path, *options: str, **variables: t.Any) -> str:
        """What a playbook prints; the test fails if it does."""
        done = self.try_play(path, *options, **variables)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def module(self, host: str, name: str, /, **arguments: t.Any) -> dict[str, t.Any]:
        """What a module of the collection returns from a host, failed or not."""
        argv = ["ansible", f"--inventory={self.inventory}", host, f"--module-name=gofleet.hosts.{name}"]
        if arguments:  # an empty dictionary would be taken for free text
            argv.append(f"--args={json.dumps(arguments)}")
        done = subprocess.run(
            argv,
            cwd=PROJECT,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        start = done.stdout.find("=> {")
        assert start >= 0, done.stdout + done.stderr
        result: dict[str, t.Any] = json.loads(done.stdout[start + 3 : done.stdout.rindex("}") + 1])
        return result

    def reset(self, *hosts: str) -> None:
        """Put new hosts in place of these, of the same names and addresses."""
        with locked(self.state.name):
            reset(self.state.name, hosts=hosts)
