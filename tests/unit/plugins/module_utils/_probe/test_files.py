# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.files import (
    decimal,
    read,
    read_int,
    read_sysctl,
    selected,
)


def test_missing_and_unreadable_files_are_distinguished(tmp_path: pathlib.Path) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_text("12\n")
    root = str(tmp_path)
    assert read(root, "file").text == "12\n"
    assert read(root, "file", at_most=1).text == "1"
    assert read(root, "none") == (None, None, 0)
    assert read(root, "file/below") == (None, None, 0)
    unreadable = read(root, "directory")
    assert unreadable.text is None
    assert unreadable.error == "Is a directory"


@pytest.mark.parametrize(
    ("text", "value"), [("4096\n", 4096), ("-1\n", -1), ("", None), ("many", None), ("1 2", None)]
)
def test_a_number_is_read_from_a_file(tmp_path: pathlib.Path, text: str, value: int | None) -> None:
    path = tmp_path / "proc" / "sys" / "net" / "core" / "somaxconn"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert read_int(str(tmp_path), "proc/sys/net/core/somaxconn") == value
    assert read_sysctl(str(tmp_path), "net.core.somaxconn") == value
    assert read_sysctl(str(tmp_path), "net.core.none") is None


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("always [madvise] never\n", "madvise"),
        ("[none] integrity", "none"),
        ("always", None),
        ("", None),
        (None, None),
    ],
)
def test_the_word_in_brackets_is_returned(text: str | None, choice: str | None) -> None:
    assert selected(text) == choice


@pytest.mark.parametrize(
    ("text", "value"), [("12", 12), (" 12\n", 12), ("-1", None), ("0x1", None), ("", None), (None, None)]
)
def test_decimal_accepts_digits_only(text: str | None, value: int | None) -> None:
    assert decimal(text) == value
