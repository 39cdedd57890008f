# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.hint import hint_for

MAIN = 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println(1) }\n'


@pytest.mark.parametrize(("ldflags", "told"), [("", True), ("-compressdwarf=false", False), ("-s -w", False)])
def test_programs_of_the_go_tool(tmp_path: Path, ldflags: str, told: bool) -> None:
    go = shutil.which("go")
    assert go, "the tests bring a Go with them: tests/requirements.txt"
    (tmp_path / "main.go").write_text(MAIN, encoding="utf-8")
    (tmp_path / "go.mod").write_text("module x\n", encoding="utf-8")
    subprocess.run([go, "build", f"-ldflags={ldflags}", "-o", "x", "."], cwd=tmp_path, check=True)
    size = (tmp_path / "x").stat().st_size
    assert (hint_for(str(tmp_path / "x"), cost=size // 10) is not None) is told
    assert hint_for(str(tmp_path / "x"), cost=size // 100) is None


def test_what_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\x7fELF and no more")
    assert hint_for(str(tmp_path / "x"), cost=10) is None
