# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of ours between lines of others."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.env_file import (
    BEGIN,
    END,
    managed,
    parse_lines,
    with_managed,
)

OURS = f"{BEGIN}\nGOFLAGS=-trimpath\nGOPROXY=off\n{END}\n"
SETTINGS = {"GOPROXY": "off", "GOFLAGS": "-trimpath"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", OURS),
        ("PATH=/bin\n", f"PATH=/bin\n{OURS}"),
        ("PATH=/bin", f"PATH=/bin\n{OURS}"),
        (OURS, OURS),
        (f"A=1\n{OURS}B=2\n", f"A=1\n{OURS}B=2\n"),
        (f"A=1\n{BEGIN}\nGOBIN=/x\n{END}\nB=2\n", f"A=1\n{OURS}B=2\n"),
        # a line elsewhere would count if it came last
        (f"{OURS}GOPROXY=direct\nB=2", f"{OURS}B=2"),
        ("GOPROXY=direct\n# note\n", f"# note\n{OURS}"),
        # a begin without its end makes nothing ours
        (f"A=1\n{BEGIN}\nGOBIN=/x\n", f"A=1\n{OURS}GOBIN=/x\n"),
        (f"{END}\nA=1\n", f"{OURS}A=1\n"),
        (f"{OURS}A=1\n{OURS}", f"{OURS}A=1\n"),
    ],
)
def test_with_managed(before: str, after: str) -> None:
    assert with_managed(before, SETTINGS) == after
    assert with_managed(after, SETTINGS) == after
    assert managed(after) == SETTINGS


@pytest.mark.parametrize("around", ["", "A=1\n", "# a\n\nGOBIN=/x\n"])
def test_removal_restores_the_rest_of_the_file(around: str) -> None:
    assert with_managed(with_managed(around, SETTINGS), {}) == around


@pytest.mark.parametrize(
    "text", ["", "\n", "=", "=x", "#A=1", "lower=1", "A B=1", "no setting", "\x00\x0c", "A"]
)
def test_other_lines_are_kept_and_are_no_settings(text: str) -> None:
    assert parse_lines(text) == []
    assert with_managed(text, {}) == text


def test_special_characters_in_values_are_kept() -> None:
    (line,) = parse_lines('# x\nGOFLAGS="-a=b" c=d # e\n')
    assert (line.name, line.value, line.number, line.ours) == ("GOFLAGS", '"-a=b" c=d # e', 2, False)


def test_the_real_go_changes_lines_in_place_and_appends(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "env"
    file.write_text(with_managed("GOBIN=/x\n", SETTINGS))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GOENV": str(file),
        "GOTOOLCHAIN": "local",
    }
    for setting in ("GOPROXY=direct", "GOAMD64=v2"):
        subprocess.run(["go", "env", "-w", setting], env=environment, check=True)
    assert managed(file.read_text()) == {**SETTINGS, "GOPROXY": "direct"}
    assert with_managed(file.read_text(), SETTINGS) == f"GOBIN=/x\n{OURS}GOAMD64=v2\n"
