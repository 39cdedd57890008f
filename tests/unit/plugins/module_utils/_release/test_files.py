# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import os
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._release.files import (
    FILES_LIMIT,
    ReleaseFile,
    content_hash,
    read_files,
    shown,
    shown_files,
    write_files,
)

PROGRAM = "ab" * 32


def item(path: str, text: bytes = b"x", mode: str = "0644") -> dict[str, t.Any]:
    return {"path": path, "mode": mode, "data": base64.b64encode(text).decode()}


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([item("../x")], "wanted a path inside the release"),
        ([item("/etc/passwd")], "wanted a path inside the release"),
        ([item("etc/../../x")], "wanted a path inside the release"),
        ([item("etc//x")], "wanted a path inside the release"),
        ([item("./x")], "wanted a path inside the release"),
        ([item("")], "wanted a path inside the release"),
        ([item("x\0y")], "wanted a path inside the release"),
        ([item("hello")], "the path of the program"),
        ([item("hello/x")], "the path of the program"),
        ([item(".gofleet.json")], "the path of the program or of its marker"),
        ([item("etc"), item("etc/x")], "both or twice"),
        ([item("etc/x"), item("etc/x", b"y")], "both or twice"),
        ([item("x", mode="416")], "four octal digits in quotes"),
        ([item("x", mode="4755")], "four octal digits in quotes"),
        ([item("x", mode="0888")], "four octal digits in quotes"),
        ([{"path": "x", "mode": "0644", "data": "%%%"}], "wanted data in Base64"),
        ([item("x", bytes(FILES_LIMIT)), item("y")], f"wanted at most {FILES_LIMIT} bytes together"),
    ],
)
def test_refused(items: list[dict[str, t.Any]], message: str) -> None:
    with pytest.raises(HostError, match=message):
        read_files(items, name="hello")


def test_content_hash_is_of_all_that_counts() -> None:
    base = [item("a", b"1"), item("b", b"2")]
    hashes = {
        content_hash(program, read_files(items, name="hello"))
        for program, items in [
            (PROGRAM, []),
            (PROGRAM, base),
            ("cd" * 32, base),
            (PROGRAM, [item("a", b"1"), item("b", b"3")]),
            (PROGRAM, [item("a", b"1"), item("c", b"2")]),
            (PROGRAM, [item("a", b"1"), item("b", b"2", mode="0600")]),
            (PROGRAM, [item("a", b"2"), item("b", b"1")]),
        ]
    }
    assert len(hashes) == 7
    assert content_hash(PROGRAM, []) == PROGRAM
    assert content_hash(PROGRAM, read_files(base, name="hello")) == content_hash(
        PROGRAM, read_files(base[::-1], name="hello")
    )


def test_written_with_their_modes_whatever_the_umask(tmp_path: pathlib.Path) -> None:
    files = read_files([item("etc/app/a.yml", b"a: 1\n"), item("run.sh", b"#!", mode="0755")], name="hello")
    mask = os.umask(0o077)
    try:
        write_files(files, into=str(tmp_path))
    finally:
        os.umask(mask)
    assert (tmp_path / "etc" / "app" / "a.yml").read_bytes() == b"a: 1\n"
    modes = {
        path: (tmp_path / path).stat().st_mode & 0o777 for path in ("etc/app", "etc/app/a.yml", "run.sh")
    }
    assert modes == {"etc/app": 0o755, "etc/app/a.yml": 0o644, "run.sh": 0o755}
    (tmp_path / "hello").write_bytes(b"program")
    (tmp_path / ".gofleet.json").write_bytes(b"{}")
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert sorted(shown_files(str(tmp_path), name="hello")) == files


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (None, None),
        (ReleaseFile("x", 0o644, b"a\n"), "a\n"),
        (ReleaseFile("x", 0o640, b"secret\n"), "(7 bytes, not shown: mode 0640)"),
        (
            ReleaseFile("x", 0o644, b"\xff"),
            "(1 bytes with SHA-256 a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89)",
        ),
    ],
)
def test_shown(file: ReleaseFile | None, text: str | None) -> None:
    assert shown(file) == text
