# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""What the controller knows of an artefact before a byte of it is sent."""

from __future__ import annotations

import hashlib
import typing as t

from ..module_utils._elf import HEAD_SIZE, parse_elf_head
from ..module_utils._elf_dynamic import read_dynamic
from ..module_utils._elf_sections import FormatError, parse_elf
from ..module_utils._errors import HostError
from ..module_utils._go_buildinfo import read_build_info
from ..module_utils._open_file import opened
from ..module_utils._release_needs import needs_of

__all__ = ["Artefact", "read_artefact"]

_BLOCK = 1 << 20
_MOST = 1 << 26  # bytes of a program's build information


class Artefact(t.NamedTuple):
    """A program on the controller: its SHA-256, its size in bytes, the GOARCH it runs on, and what it needs there."""

    path: str
    sha256: str
    size: int
    goarch: str
    needs: dict[str, t.Any]
    trimpath: bool | None  # None: not told, as for what Go did not build


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
    goarch = parse_elf_head(head, name=path).goarch
    needs, trimpath = _read_needs(path)
    return Artefact(path, digest.hexdigest(), size, goarch, needs, trimpath)


def _read_needs(path: str) -> tuple[dict[str, t.Any], bool | None]:
    try:
        with opened(path) as file:
            elf = parse_elf(file.read)
            info = read_build_info(elf, at_most=_MOST)
            settings = {} if info is None else info.settings
            trimpath = settings.get("-trimpath") == "true" if settings else None
            return needs_of(elf, read_dynamic(elf), settings), trimpath
    except FormatError as error:
        raise HostError(
            path,
            wanted="a whole ELF executable",
            found=f"a damaged one: {error}",
            remedy="Build or fetch it again; nothing was sent.",
        )
