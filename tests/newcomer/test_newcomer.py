# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""README's first command, for an ordinary user who has sudo and a password, in a checkout with a space in its path."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import typing as t

import pytest
from lab.packages import install
from lab.places import cache_dir
from lab.up import prepare

from .account import HOME, NAME, Account, account, root

FOLDER = HOME / "my work" / "gofleet hosts"
DEMO = "LAB=container make demo"
SECONDS = 1500
MADE = r"\.(venv|build|cache|ansible|lab)"


@pytest.fixture
def newcomer() -> t.Iterator[Account]:
    # What later parts need in any case, so that it is made once; the other image is made by the account.
    prepare(["debian-13"], kind="container")
    if shutil.which("sudo") is None:
        install(["sudo"])
    with account() as made:
        made.take(FOLDER)
        yield made


def orphans() -> set[str]:
    """Hosts and networks of podman whose lab is gone, whoever made it."""
    names = root("podman", "ps", "-a", "--format", "{{.Names}}").split()
    names += root("ls", "/etc/containers/networks", check=False).split()
    labs = {name: re.match(r"gofleet-lab-.{8}", name) for name in names}
    return {name for name, lab in labs.items() if lab and not pathlib.Path("/tmp", lab[0]).exists()}


def test_demo(newcomer: Account) -> None:
    before = orphans()

    refused = newcomer.run(DEMO, FOLDER, seconds=60)
    assert refused.status != 0
    assert "Root, by sudo, is used to" in refused.output
    assert "wanted root for some commands, found that sudo does not give it" in refused.output
    assert f"usermod -aG sudo {NAME}" in refused.output
    assert "setup:" not in refused.output, "work was done before"

    newcomer.may_use_sudo()
    shown = newcomer.run(DEMO, FOLDER, seconds=SECONDS)
    assert shown.status == 0, shown.output[-5000:]
    assert shown.questions == 1
    assert shown.output.index("Root, by sudo, is used to") < shown.output.index("setup:")
    assert "the fleet as a page:" in shown.output

    foreign = root("find", str(HOME), "!", "-user", NAME)
    assert foreign == "", "root's files in the user's home"
    assert newcomer.run("make clean", FOLDER, seconds=60).status == 0
    made = root("sh", "-c", 'cd "$1" && ls -d .* | grep -xE "$2"', "sh", str(FOLDER), MADE, check=False)
    assert made == ""
    assert orphans() <= before
    foreign = root("find", str(cache_dir()), "-maxdepth", "2", "!", "-uid", str(os.getuid()))
    assert foreign == "", "another user's files in our cache"


def test_nothing_is_left(tmp_path: pathlib.Path) -> None:
    """Of an account that has used sudo and is removed while a process of its own runs."""
    with account() as made:
        made.may_use_sudo()
        script = f"sudo true && (sleep 1000 & echo $! > '{HOME}/pid')"
        assert made.run(script, HOME, seconds=60).questions == 1
        pid = root("cat", f"{HOME}/pid").strip()
    assert not pathlib.Path("/proc", pid).exists()
    assert subprocess.run(["getent", "passwd", NAME], check=False, capture_output=True).returncode == 2
    assert (
        root("find", "/etc/sudoers.d", "/run/sudo", "/var/lib/sudo", "/home", "-maxdepth", "2", "-name", NAME)
        == ""
    )
