# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""What the controller knows of an artefact before a byte of it is sent."""

from __future__ import annotations

import hashlib
import typing as t

from ..module_utils._elf import HEAD_SIZE, parse_elf_head
from ..module_utils._errors import HostError

__all__ = ["Artefact", "read_artefact"]

_BLOCK = 1 << 20


class Artefact(t.NamedTuple):
    """A program on the controller: its SHA-256, its size in bytes, and the GOARCH it runs on."""

    path: str
    sha256: str
    size: int
    goarch: str


def read_artefact(path: str) -> Artefact:
    """:raises HostError: no such file, not readable, or not an ELF executable"""
    digest = hashlib.sha256()
    size = 0
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_SIZE)
            file.seek(0)
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
    except OSError as error:
        raise HostError(
            path,
            wanted="a program that the controller can read",
            found=error.strerror or str(error),
            remedy="Build it first, or correct the path; relative paths start at the playbook.",
        )
    return Artefact(path, digest.hexdigest(), size, parse_elf_head(head, name=path).goarch)
