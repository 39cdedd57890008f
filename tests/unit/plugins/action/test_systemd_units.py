# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test the action plugin in real runs of Ansible. The module on the host ends where there is no systemd."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.action.systemd_units import ActionModule, _given

SECRET = "n0t-to-be-seen"


class Loader:
    def get_basedir(self) -> str:
        return "/playbooks"

    def get_real_file(self, path: str) -> str:
        """As for a file in a vault: what can be read lies elsewhere."""
        assert path == "/playbooks/token"
        return self.real

    real = ""


def encoded(loader: Loader, **item: t.Any) -> dict[str, t.Any]:
    action = ActionModule.__new__(ActionModule)
    action._loader = loader
    wanted = {"name": "token", "content": None, "src": None, "data": None, **item}
    return action._encoded(wanted, owner="x")


def test_the_host_receives_only_contents(tmp_path: pathlib.Path) -> None:
    (tmp_path / "opened").write_bytes(b"\xff\x00")
    loader = Loader()
    loader.real = str(tmp_path / "opened")
    assert encoded(loader, src="token") == {"name": "token", "data": "/wA="}
    assert encoded(loader, content="é") == {"name": "token", "data": "w6k="}
    assert encoded(loader, data="w6k=") == {"name": "token", "data": "w6k="}


def test_omitted_options_are_not_sent() -> None:
    assert _given({"a": None, "b": [{"c": None, "d": 0}], "e": ""}) == {"b": [{"d": 0}], "e": ""}


def run(tmp_path: pathlib.Path, *credentials: dict[str, t.Any]) -> tuple[dict[str, t.Any], str]:
    options = {"units": [], "sets": [{"name": "x", "credentials": list(credentials)}]}
    argv = [
        "ansible",
        "localhost",
        "--connection=local",
        "--check",
        "-vvv",
        "--module-name=gofleet.hosts.systemd_units",
    ]
    argv += [f"--args={json.dumps(options)}", f"--tree={tmp_path / 'results'}"]
    environment = {**os.environ, "ANSIBLE_PYTHON_INTERPRETER": sys.executable}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    written = tmp_path / "results" / "localhost"
    assert written.exists(), done.stderr
    return json.loads(written.read_text()), done.stdout + done.stderr + written.read_text()


@pytest.mark.parametrize(
    ("credential", "message"),
    [
        ({"content": SECRET, "src": "x"}, "wanted one source of the secret: content or src; found both"),
        ({}, "found neither"),
        ({"src": "none"}, "wanted a file that the controller can read"),
    ],
)
def test_errors_do_not_show_the_content(
    tmp_path: pathlib.Path, credential: dict[str, t.Any], message: str
) -> None:
    result, shown = run(tmp_path, {"name": "token", **credential})
    assert message in result["msg"]
    assert SECRET not in shown


def test_the_output_of_ansible_shows_no_secret(tmp_path: pathlib.Path) -> None:
    dummy, shown = run(tmp_path, {"name": "token", "content": SECRET})
    assert SECRET not in shown
    assert "bjB0LXRvLWJlLXNlZW4=" not in shown
