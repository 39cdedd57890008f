# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import struct

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.file import goarches_of, parse_elf_head
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError


def head(machine: int, *, kind: int = 2, bits: int = 2, order: int = 1) -> bytes:
    form = "<HH" if order == 1 else ">HH"
    return b"\x7fELF" + bytes([bits, order, 1]) + bytes(9) + struct.pack(form, kind, machine)


@pytest.mark.parametrize(
    ("data", "goarch"),
    [
        (head(62), "amd64"),
        (head(62, kind=3), "amd64"),
        (head(183), "arm64"),
        (head(40, bits=1), "arm"),
        (head(3, bits=1), "386"),
        (head(22, order=2), "s390x"),
        (head(21), "ppc64le"),
        (head(243), "riscv64"),
        (head(258), "loong64"),
    ],
)
def test_names_the_architecture_as_go_does(data: bytes, goarch: str) -> None:
    assert parse_elf_head(data, name="x").goarch == goarch


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"#!/bin/sh\nexec true and more",
        head(62)[:19],
        head(62, kind=1),
        head(62, kind=4),
        head(8),
        head(21, order=2),
    ],
    ids=["empty", "script", "truncated", "object", "core dump", "mips", "ppc64 big endian"],
)
def test_refuses_what_go_on_linux_does_not_run(data: bytes) -> None:
    with pytest.raises(HostError, match="x: wanted an ELF executable"):
        parse_elf_head(data, name="x")


@pytest.mark.parametrize(
    ("machine", "goarches"),
    [("x86_64", ["386", "amd64"]), ("aarch64", ["arm", "arm64"]), ("armv7l", ["arm"]), ("sparc64", [])],
)
def test_knows_what_a_machine_runs(machine: str, goarches: list[str]) -> None:
    assert goarches_of(machine) == goarches
