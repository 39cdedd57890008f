# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._artefact import read_artefact


def test_reads_a_real_program() -> None:
    artefact = read_artefact(sys.executable)
    digest = subprocess.run(["sha256sum", sys.executable], capture_output=True, text=True, check=True)
    assert artefact.sha256 == digest.stdout.split()[0].lstrip("\\")
    assert artefact.size == pathlib.Path(sys.executable).stat().st_size


def test_refuses_what_is_no_program(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_text("#!/bin/sh\n")
    with pytest.raises(HostError, match="wanted an ELF executable"):
        read_artefact(str(tmp_path / "x"))


def test_refuses_what_is_not_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(HostError, match="wanted a program that the controller can read; found No such file"):
        read_artefact(str(tmp_path / "none"))


def test_tells_what_a_program_needs_of_its_host() -> None:
    needs = read_artefact(sys.executable).needs
    assert needs["interpreter"].startswith("/lib")
    assert any(name.startswith("libc.so") for name in needs["libraries"])
    assert any(version.startswith("GLIBC_2.") for version in needs["symbols"]["libc.so.6"])


def test_refuses_a_damaged_program(tmp_path: pathlib.Path) -> None:
    (tmp_path / "x").write_bytes(pathlib.Path(sys.executable).read_bytes()[:40])
    with pytest.raises(HostError, match="wanted a whole ELF executable; found a damaged one"):
        read_artefact(str(tmp_path / "x"))
