# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both halves, run for real by Ansible against this machine and a directory."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.manifest import read_manifest


class Play:
    """Tasks that each copy something, in one play; the results by the names of the tasks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dest = path / "host"
        self.dest.mkdir()
        (path / "files").mkdir()

    def run(
        self, *tasks: dict[str, t.Any], check: bool = False, verbose: bool = False
    ) -> list[dict[str, t.Any]]:
        steps: list[dict[str, t.Any]] = [
            {"gofleet.hosts.delta_copy": options, "register": f"result_{number}", "ignore_errors": True}
            for number, options in enumerate(tasks)
        ]
        names = ", ".join(f"result_{number}" for number in range(len(tasks)))
        told = {"content": f"{{{{ [{names}] | to_json }}}}", "dest": str(self.path / "results.json")}
        steps.append({"ansible.builtin.copy": told, "check_mode": False, "diff": False})
        play = {"hosts": "localhost", "gather_facts": False, "tasks": steps}
        (self.path / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
        argv = ["ansible-playbook", "--connection=local", "--inventory=localhost,", "--diff", "play.yml"]
        environment = {
            **os.environ,
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "HOME": str(self.path / "home"),
        }
        done = subprocess.run(
            argv + ["--check"] * check + ["-vvv"] * verbose,
            cwd=self.path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.shown = done.stdout
        assert done.returncode == 0, done.stdout + done.stderr
        results: list[dict[str, t.Any]] = json.loads((self.path / "results.json").read_bytes())
        return results

    def module_runs(self) -> int:
        """How often the last run, a verbose one, had delta_copy on the host."""
        return len(re.findall(r"Using module file .*/delta_copy\.py", self.shown))


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return Play(tmp_path)


def make_tree(path: Path, seed: int) -> Path:
    source = random.Random(0)
    (path / "bin").mkdir(parents=True)
    for number in range(3):
        content = bytearray(source.randbytes(200_000))
        content[seed * 1000] ^= 0xFF
        (path / "bin" / f"p{number}").write_bytes(content)
        (path / "bin" / f"p{number}").chmod(0o755)
    (path / "bin" / "link").symlink_to("p0")
    (path / f"only-{seed}").write_bytes(b"x")
    return path


def test_a_tree_first_unchanged_and_changed(play: Play) -> None:
    pytest.importorskip("bsdiff4")
    one, two = (make_tree(play.path / "files" / f"v{number}", number) for number in (1, 2))
    site = {"dest": f"{play.dest}/site", "mode": "0640"}
    predicted = play.run({**site, "src": "v1"}, check=True)[0]
    assert (predicted["changed"], predicted["bytes_sent"], os.listdir(play.dest)) == (True, 0, [])
    first, same, second, back = play.run(
        {**site, "src": "v1"}, {**site, "src": "v1"}, {**site, "src": "v2"}, {**site, "src": f"{one}/"}
    )
    assert first["bytes_sent"] == predicted["bytes_predicted"] > 600_000
    assert first["methods"] == predicted["methods"] == {"whole": 4}
    assert (first["changed"], first["old_root"], first["bytes_reused"]) == (True, None, 0)
    assert (same["changed"], same["bytes_sent"], same["root"]) == (False, 0, first["root"])
    assert (second["changed"], second["old_root"]) == (True, first["root"])
    assert second["methods"] == {"bsdiff": 3, "same": 1}
    assert second["bytes_sent"] < 2000 < second["bytes_reused"] == 600_001
    assert second["bytes_whole"] == 600_001 == read_manifest(str(two)).size
    assert "-only-1: 1 bytes" in play.shown and "+only-2: 1 bytes" in play.shown
    assert back["root"] == first["root"] == read_manifest(f"{play.dest}/site").root
    assert (play.dest / "site" / "bin" / "p0").stat().st_mode & 0o777 == 0o750
    assert os.listdir(play.dest) == ["site"]


def test_a_file(play: Play) -> None:
    old, new = play.path / "old", play.path / "files" / "new"
    content = random.Random(1).randbytes(300_000)
    old.write_bytes(content)
    new.write_bytes(content[:1000] + b"inserted" + content[1000:])
    (play.path / "files" / "link").symlink_to("new")
    (play.dest / "x").write_bytes(content)
    (play.dest / "x").chmod(0o600)
    options = {"src": "new", "dest": f"{play.dest}/x"}
    chunks, seeds = play.run(options, {**options, "seeds": [str(old)]}, check=True)
    assert (chunks["methods"], seeds["methods"]) == ({"whole": 1}, {"bsdiff": 1})
    assert seeds["bytes_predicted"] < 2000
    sent, again, named, at_home = play.run(
        {**options, "seeds": [str(old)], "validate": "grep -q inserted %s"},
        options,
        {"src": "link", "dest": f"{play.dest}/"},
        {"src": "new", "dest": "~/at-home", "rate_limit": 10_000_000},
    )
    assert (sent["bytes_sent"], again["changed"]) == (seeds["bytes_predicted"], False)
    assert (play.dest / "x").read_bytes() == new.read_bytes()
    assert (play.dest / "x").stat().st_mode & 0o777 == 0o600
    assert named["dest"] == f"{play.dest}/link"
    assert at_home["dest"] == f"{play.path}/home/at-home"
    assert (play.path / "home" / "at-home").read_bytes() == new.read_bytes()


def test_a_next_version_goes_at_once(play: Play) -> None:
    """From what was left there; a host that was changed since then gets another delta, one that has it gets none."""
    pytest.importorskip("bsdiff4")
    files = play.path / "files"
    contents = [random.Random(1).randbytes(300_000) + bytes([number]) for number in range(4)]
    for number, content in enumerate(contents):
        (files / str(number)).write_bytes(content)
    options = {"dest": f"{play.dest}/x"}
    first, second = play.run({**options, "src": "0"}, {**options, "src": "1"}, verbose=True)
    assert (first["methods"], second["methods"]) == ({"whole": 1}, {"bsdiff": 1})
    assert second["old_root"] == first["root"]
    assert second["bytes_sent"] < 2000
    assert play.module_runs() == 2 + 1
    (play.dest / "x").write_bytes(contents[0] + b"changed")
    (mended,) = play.run({**options, "src": "2"}, verbose=True)
    assert (mended["methods"], play.module_runs()) == ({"chunks": 1}, 2)
    assert (play.dest / "x").read_bytes() == contents[2]
    (play.dest / "x").write_bytes(contents[3])
    (there,) = play.run({**options, "src": "3", "mode": "0600"}, verbose=True)
    assert (there["changed"], "methods" in there, play.module_runs()) == (True, False, 1)
    assert (there["bytes_sent"] > 0, (play.dest / "x").stat().st_mode & 0o777) == (True, 0o600)
    assert not play.run({**options, "src": "3"}, check=True)[0]["changed"]


def test_a_guess_that_cannot_be_made_is_none(play: Play) -> None:
    """What was left was a file and shall be a tree, or the controller's cache is gone."""
    (play.path / "files" / "file").write_bytes(b"x" * 1000)
    tree = make_tree(play.path / "files" / "v1", 1)
    options = {"dest": f"{play.dest}/x"}
    play.run({**options, "src": "file"})
    (play.dest / "x").unlink()
    (done,) = play.run({**options, "src": "v1"}, verbose=True)
    assert (done["old_root"], play.module_runs()) == (None, 2)
    shutil.rmtree(play.path / "home" / ".cache" / "gofleet" / "delta" / "contents")
    (tree / "more").write_bytes(b"y")
    (done,) = play.run({**options, "src": "v1"}, verbose=True)
    assert (done["changed"], play.module_runs()) == (True, 2)


def test_refusals(play: Play) -> None:
    (play.path / "files" / "x").write_bytes(b"new")
    (play.path / "files" / "tree").mkdir()
    (play.path / "files" / "tree" / "out").symlink_to("/etc")
    (play.dest / "victim").write_bytes(b"old")
    (play.dest / "link").symlink_to("victim")
    link = {"src": "x", "dest": f"{play.dest}/link"}
    results = play.run(
        link,
        {**link, "src": "nothing"},
        {**link, "src": "/dev/null"},
        {"src": "tree", "dest": f"{play.dest}/tree"},
        {"src": "x", "dest": f"{play.dest}/victim", "rate_limit": 0},
        {"src": "x", "dest": f"{play.dest}/victim", "validate": "false %s"},
        {"src": "x", "dest": f"{play.dest}/no/such/place"},
    )
    for result, message in zip(
        results,
        [
            "wanted a file; found a link",
            "nothing: wanted a file or a directory on the controller",
            "/dev/null: wanted a file, or a tree of files, directories and links",
            "wanted links that lead inside the tree; found a link to /etc",
            "rate_limit: wanted bytes a second",
            "wanted content that 'false %s' accepts; found exit code 1",
            "wanted a directory to put it in",
        ],
        strict=True,
    ):
        assert result["failed"]
        assert message in result["msg"]
    assert ((play.dest / "victim").read_bytes(), sorted(os.listdir(play.dest))) == (
        b"old",
        ["link", "victim"],
    )
