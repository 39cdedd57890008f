# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils import _atomic
from ansible_collections.gofleet.hosts.plugins.module_utils._atomic import flush_file_system


def test_a_missing_file_reads_as_none(tmp_path: pathlib.Path) -> None:
    assert _atomic.read_text(str(tmp_path / "none")) is None


def test_line_endings_are_kept(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "file")
    _atomic.write_text(path, "dos\r\nunix\n")
    assert _atomic.read_text(path) == "dos\r\nunix\n"


def test_a_write_sets_the_mode_and_leaves_no_temporary_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "new" / "file"
    _atomic.write_text(str(path), "text\n", mode=0o640)
    assert path.read_text() == "text\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(path.parent) == ["file"]


def test_a_write_replaces_a_link(tmp_path: pathlib.Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "file").symlink_to(victim)
    _atomic.write_text(str(tmp_path / "file"), "new")
    assert victim.read_text() == "mine"
    assert not (tmp_path / "file").is_symlink()


def test_a_failed_write_keeps_the_old_file(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def full(*dummy: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_atomic.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        _atomic.write_text(str(path), "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_replace_link_leaves_no_temporary_file(tmp_path: pathlib.Path) -> None:
    link = tmp_path / "current"
    for target in ("1", "2"):
        _atomic.replace_link(str(link), target)
        assert os.readlink(link) == target
    assert os.listdir(tmp_path) == ["current"]


def test_a_directory_at_the_path_of_a_link_stays(tmp_path: pathlib.Path) -> None:
    (tmp_path / "current").mkdir()
    with pytest.raises(OSError, match="directory"):
        _atomic.replace_link(str(tmp_path / "current"), "1")
    assert os.listdir(tmp_path) == ["current"]


def test_a_directory_is_flushed(tmp_path: Path) -> None:
    flush_file_system(str(tmp_path))


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        flush_file_system(str(tmp_path / "none"))
