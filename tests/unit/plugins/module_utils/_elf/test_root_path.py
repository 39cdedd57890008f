# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.root_path import resolve


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/usr/lib/libc.so.6", "usr/lib/libc.so.6"),
        ("/lib/libc.so.6", "usr/lib/libc.so.6"),
        ("/lib64/ld.so", "usr/lib/ld.so"),
        ("/usr/../usr//lib/./ld.so", "usr/lib/ld.so"),
        ("/../../usr/lib/ld.so", "usr/lib/ld.so"),
        ("/above", "usr/lib/ld.so"),
        ("/", ""),
        ("/usr/lib/none", None),
        ("/usr/lib/ld.so/below", None),
        ("/dangling", None),
        ("/circle", None),
    ],
)
def test_links_stay_under_the_root(tmp_path: pathlib.Path, path: str, file: str | None) -> None:
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/ld.so").touch()
    (tmp_path / "usr/lib/libc.so.6").touch()
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "lib64").symlink_to("/lib")
    (tmp_path / "above").symlink_to("../../../../usr/lib/ld.so")
    (tmp_path / "dangling").symlink_to("/etc/passwd")
    (tmp_path / "circle").symlink_to("circle")
    found = resolve(str(tmp_path), path)
    assert found == (None if file is None else str(tmp_path / file).rstrip("/"))


def test_the_root_of_the_host_needs_nothing_in_front() -> None:
    assert resolve("/", "/proc/self/status") == resolve(
        "/", f"/proc/{pathlib.Path('/proc/self').readlink()}/status"
    )
