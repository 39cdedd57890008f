# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._go_toolchain.go_mod import (
    is_go_mod,
    parse_go_mod,
    read_go_mod,
)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("module a\n\ngo 1.27.3\n", "1.27.3"),
        ("go 1.27\n", "1.27"),
        ("go 1.20 // why\n", "1.20"),
        ("go 1.28rc1\n", "1.28rc1"),
        ("go 1.26.0\ntoolchain go1.27.3\n", "1.27.3"),
        ("toolchain go1.26.1\ngo 1.26.4\n", "1.26.4"),
        ("go 1.26\ntoolchain default\n", "1.26"),
        ("toolchain go1.27.3\n", "1.27.3"),
        ("require (\n\tgo 1.1.1\n\tgo v1\n)\ngo 1.27.2\n", "1.27.2"),
        ("// go 1.1\ngo\t1.27.3", "1.27.3"),
        ('go "1.27.3"\r\n', "1.27.3"),
    ],
)
def test_go_and_toolchain_lines(text: str, query: str) -> None:
    assert parse_go_mod(text, name="go.mod") == query


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "go.mod: wanted a go or toolchain line"),
        ("module go\nrequire go 1.2\n", "found neither"),
        ("go latest\n", "go.mod: go latest: wanted a version that Go has published"),
        ("toolchain go1.27.3-corp\ngo 1.27\n", "Mirrors have no toolchain with a custom name"),
    ],
)
def test_files_without_a_usable_version(text: str, message: str) -> None:
    with pytest.raises(HostError, match=message):
        parse_go_mod(text, name="go.mod")


def test_paths() -> None:
    assert [is_go_mod(name) for name in ("go.mod", "a/go.mod", "/x/go.work", "1.27", "go.mod.bak")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="No such file"):
        read_go_mod(str(tmp_path / "go.mod"))
    (tmp_path / "go.mod").write_bytes(b"\xff\xfe")
    with pytest.raises(HostError, match="wanted a go.mod or go.work that the controller can read"):
        read_go_mod(str(tmp_path / "go.mod"))
