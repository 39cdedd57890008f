# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions on a host that stay open for all tests of a scenario.

On an emulated host a new ssh session takes half a second, and a module that Ansible starts takes several: it logs in,
sends the module and compiles all that the module imports. Here one session runs all commands, and one each module.
The module is the one that Ansible packs, with the arguments that Ansible adds.
"""

from __future__ import annotations

import ast
import base64
import functools
import json
import os
import pathlib
import shlex
import subprocess
import threading
import typing as t

from ansible.executor.module_common import modify_module
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import action_loader, init_plugin_loader, module_loader
from ansible.release import __version__ as ansible_version
from ansible.template import Templar
from lab.ssh import ssh_argv
from lab.state import require_lab
from testinfra.backend.ansible import AnsibleBackend
from testinfra.backend.base import CommandResult

__all__ = ["SessionBackend", "init_plugin_loader", "run_module", "runs_on_controller", "send"]

COLLECTION = "gofleet.hosts"
SERVER = pathlib.Path(__file__).with_name("host_server.py")
PYTHON = "/usr/bin/python3"


class Done(t.NamedTuple):
    """How a command or a module ended."""

    status: int
    output: bytes
    errors: bytes


def _ssh(host: str, command: str) -> list[str]:
    lab = require_lab(os.environ["LAB_NAME"])
    return [*ssh_argv(lab, host=lab.host(host), shared=True), command]


def send(host: str, file: pathlib.Path, command: str) -> None:
    """Run a command on a host with a file of the controller as its standard input."""
    with open(file, "rb") as stdin:
        subprocess.run(_ssh(host, command), stdin=stdin, check=True)


class Session:
    """A process on a host that answers one request after the other."""

    def __init__(self, host: str, what: str) -> None:
        server = shlex.join([PYTHON, "-c", SERVER.read_text(encoding="utf-8"), what])
        self.name = f"the session for {what} on {host}"
        self.busy = threading.Lock()
        self.process = subprocess.Popen(
            _ssh(host, server), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def send(self, request: t.Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def ask(self, request: t.Any) -> Done:
        assert self.process.stdout
        self.send(request)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with {self.process.wait()}")
        told = json.loads(line)
        output, errors = (base64.b64decode(told[stream]) for stream in ("output", "errors"))
        return Done(told["status"], output, errors)


_SESSIONS: dict[tuple[str, str], list[Session]] = {}


def _idle_session(host: str, what: str, first: t.Callable[[Session], None] | None = None) -> Session:
    """A session whose lock is held: one that does nothing, or a new one."""
    sessions = _SESSIONS.setdefault((host, what), [])
    for session in sessions:
        if session.busy.acquire(blocking=False):
            return session
    session = Session(host, what)
    session.busy.acquire()
    sessions.append(session)
    if first:
        first(session)
    return session


class SessionBackend(AnsibleBackend):
    """testinfra's backend for hosts of an Ansible inventory, with sessions that stay open."""

    def run(self, command: str, *args: str, **kwargs: t.Any) -> CommandResult:
        command = self.get_command(command, *args)
        session = _idle_session(self.host, "commands")
        try:
            done = session.ask(command)
        finally:
            session.busy.release()
        return self.result(done.status, self.encode(command), done.output, done.errors)


def runs_on_controller(name: str) -> bool:
    """Tell whether a part of a module runs on the controller, so that only Ansible can run it."""
    return action_loader.has_plugin(f"{COLLECTION}.{name}")


def run_module(host: str, name: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
    """What a module of the collection returns from a host, failed or not."""
    session = _idle_session(host, f"{COLLECTION}.{name}", lambda new: new.send(_packed(name)))
    added = {
        "_ansible_module_name": f"{COLLECTION}.{name}",
        "_ansible_remote_tmp": "~/.ansible/tmp",
        "_ansible_syslog_facility": "LOG_USER",
        "_ansible_version": ansible_version,
    }
    try:
        done = session.ask(json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, **added}}))
    finally:
        session.busy.release()
    try:
        result: dict[str, t.Any] = json.loads(done.output)
    except ValueError:
        raise RuntimeError(f"{name} on {host} printed no result: {done}") from None
    return result


@functools.cache
def _packed(name: str) -> dict[str, str]:
    """A module and all that it imports, as Ansible packs them."""
    found = module_loader.find_plugin_with_context(f"{COLLECTION}.{name}")
    built = modify_module(
        module_name=found.resolved_fqcn,
        module_path=found.plugin_resolved_path,
        module_args={},
        templar=Templar(DataLoader()),
        task_vars={"ansible_python_interpreter": PYTHON},
        module_compression="ZIP_DEFLATED",
    )
    # The last statement calls the function that unpacks the archive, with all that it needs.
    calls = [node for node in ast.walk(ast.parse(built.b_module_data).body[-1]) if isinstance(node, ast.Call)]
    given = {each.arg: each.value for each in calls[0].keywords}
    archive, fqn, profile = (ast.literal_eval(given[key]) for key in ("zip_data", "module_fqn", "profile"))
    return {"archive": archive, "name": fqn, "profile": profile}
