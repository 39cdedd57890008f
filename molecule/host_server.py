# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs commands, or one module again and again, on a host until its standard input ends.

usage: host_server.py commands|module

Requests come as one JSON document a line, and so go the answers. The file is sent to the host as text; it needs Python
3.8 and the standard library.
"""

from __future__ import annotations

import base64
import importlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import typing as t
import zipfile


def answer(status: int, output: bytes, errors: bytes) -> None:
    told = {
        "status": status,
        "output": base64.b64encode(output).decode(),
        "errors": base64.b64encode(errors).decode(),
    }
    print(json.dumps(told), flush=True)


def serve_commands() -> None:
    """Run each command in the user's shell, as sshd does."""
    shell = os.environ.get("SHELL", "/bin/sh")
    for line in sys.stdin:
        done = subprocess.run(
            [shell, "-c", json.loads(line)], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        # A shell says 128 and the signal of a process that a signal ended.
        answer(done.returncode if done.returncode >= 0 else 128 - done.returncode, done.stdout, done.stderr)


def serve_module() -> t.Callable[[], None] | None:
    """Unpack the module that the first line brings, then fork for the arguments of each other line.

    Python compiles what the module imports once, and imports of Ansible what each module needs once.

    :returns: in each child, what it has to run; None in the parent, at the end
    """
    module = json.loads(sys.stdin.readline())
    place = tempfile.mkdtemp(prefix="gofleet-module-")
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(module["archive"]))) as archive:
        archive.extractall(place)
    sys.path[:] = [place, *filter(None, sys.path)]
    loader = importlib.import_module("ansible.module_utils._internal._ansiballz._loader")

    for line in sys.stdin:
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            child = os.fork()
            if child == 0:
                nothing = os.open(os.devnull, os.O_RDONLY)
                for number, descriptor in enumerate((nothing, output.fileno(), errors.fileno())):
                    os.dup2(descriptor, number)
                # What was read ahead is for the parent.
                sys.stdin = io.StringIO()
                return lambda: loader.run_module(
                    json_params=json.loads(line).encode(),
                    profile=module["profile"],
                    module_fqn=module["name"],
                    modlib_path=place,
                    extensions={},
                )
            status = os.waitpid(child, 0)[1]
            output.seek(0)
            errors.seek(0)
            ended = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
            answer(ended, output.read(), errors.read())
    shutil.rmtree(place)
    return None


if __name__ == "__main__":
    if sys.argv[1] == "commands":
        serve_commands()
    else:
        run = serve_module()
        if run is not None:
            run()
