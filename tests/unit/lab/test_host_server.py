# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import io
import json
import pathlib
import subprocess
import sys
import typing as t
import zipfile

import pytest

SERVER = pathlib.Path(__file__).resolve().parents[3] / "molecule" / "host_server.py"
# What Ansible packs starts modules by a function of this name; this one tells how it was called, and counts.
LOADER = """
import os, sys

calls = 0

def run_module(*, json_params, profile, module_fqn, modlib_path, extensions):
    global calls
    calls += 1
    print(calls, module_fqn, profile, json_params.decode(), os.path.isdir(modlib_path), repr(sys.stdin.read()))
    print("complaint", file=sys.stderr)
    sys.exit(3)
"""


def served(what: str, *requests: t.Any) -> list[tuple[int, str, str]]:
    """The answers to requests: status, output and errors of each."""
    done = subprocess.run(
        [sys.executable, str(SERVER), what],
        input="".join(json.dumps(request) + "\n" for request in requests),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        (each["status"], *(base64.b64decode(each[stream]).decode() for stream in ("output", "errors")))
        for each in answers
    ]


def test_commands_run_in_a_shell_one_after_the_other() -> None:
    commands = ["echo one; echo two >&2", "exit 7", "cat", "kill -TERM $$"]
    assert served("commands", *commands) == [(0, "one\n", "two\n"), (7, "", ""), (0, "", ""), (143, "", "")]


def packed() -> dict[str, str]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        place = pathlib.PurePath("ansible")
        for name in ("", "module_utils", "_internal", "_ansiballz"):
            place /= name
            file.writestr(str(place / "__init__.py"), "")
        file.writestr(str(place / "_loader.py"), LOADER)
    return {
        "archive": base64.b64encode(archive.getvalue()).decode(),
        "name": "a.b.c",
        "profile": "legacy",
    }


def test_a_module_runs_in_a_process_of_its_own_each_time() -> None:
    first, second = served("module", packed(), '{"a": 1}', '{"a": 2}')
    assert first == (3, "1 a.b.c legacy {\"a\": 1} True ''\n", "complaint\n")
    assert second == (3, "1 a.b.c legacy {\"a\": 2} True ''\n", "complaint\n")


def test_a_module_leaves_nothing_on_the_host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    served("module", packed(), "{}")
    assert list(tmp_path.iterdir()) == []
