# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.binfmt_misc import (
    Format,
    emulator_of,
    parse_format,
)

# As qemu-user-static registers it.
ARM64 = """enabled
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: POCF
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
"""
HEAD = bytes.fromhex("7f454c460201010000000000000000000200b700")


def test_only_programs_of_the_machine_match() -> None:
    found = parse_format(ARM64)
    assert found is not None
    assert found.interpreter == "/usr/libexec/qemu-binfmt/aarch64-binfmt-P"
    assert found.matches(HEAD + b"more")
    assert found.matches(HEAD[:16] + b"\3" + HEAD[17:])  # position-independent
    assert not found.matches(HEAD[:18] + b"\x3e\0")
    assert not found.matches(HEAD[:19])


@pytest.mark.parametrize(
    "text",
    [
        "",
        ARM64.replace("enabled", "disabled"),
        "enabled\ninterpreter /usr/bin/wine\nflags: \nextension .exe\n",
        ARM64.replace("7f45", "zz"),
        ARM64.replace("offset 0", "offset x"),
        "enabled\nmagic 00\n",
    ],
)
def test_a_registration_without_magic_is_ignored(text: str) -> None:
    assert parse_format(text) is None


def test_without_a_mask_every_bit_counts() -> None:
    assert parse_format("enabled\ninterpreter /i\nflags: \noffset 1\nmagic 4142\n") == Format(
        "/i", 1, b"AB", b"\xff\xff"
    )


def test_the_emulator_is_found_in_the_list_of_the_kernel(tmp_path: pathlib.Path) -> None:
    directory = tmp_path / "proc/sys/fs/binfmt_misc"
    assert emulator_of(str(tmp_path), HEAD) is None
    directory.mkdir(parents=True)
    (directory / "status").write_text("enabled\n")
    (directory / "register").write_text("")
    assert emulator_of(str(tmp_path), HEAD) is None
    (directory / "qemu-aarch64").write_text(ARM64)
    assert emulator_of(str(tmp_path), HEAD) == "/usr/libexec/qemu-binfmt/aarch64-binfmt-P"
