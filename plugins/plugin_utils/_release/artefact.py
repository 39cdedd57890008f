# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Read what the controller must know of a program before it is sent."""

from __future__ import annotations

import hashlib
import re
import typing as t

from ...module_utils._elf.dynamic import read_dynamic
from ...module_utils._elf.file import HEAD_SIZE, FormatError, parse_elf, parse_elf_head
from ...module_utils._elf.open_file import opened
from ...module_utils._errors import HostError
from ...module_utils._go_binary.buildinfo import BuildInfo, read_build_info
from ...module_utils._release.requirements import requirements_of

__all__ = ["Artefact", "read_artefact"]

_BLOCK = 1 << 20
_MOST = 1 << 26  # bytes of a program's build information
_FIRST_THAT_SEES = 25  # the minor version of Go


class Artefact(t.NamedTuple):
    """A program on the controller: SHA-256, size in bytes, GOARCH, and what it needs of its host."""

    path: str
    sha256: str
    size: int
    goarch: str
    needs: dict[str, t.Any]
    trimpath: bool | None  # None: unknown, as for programs that Go did not build
    go_version: str | None = None  # the name of the toolchain, such as go1.26.6
    sees_cpu_quota: bool | None = None

    def program(self) -> dict[str, t.Any]:
        """What the writers of a unit or a profile for it need."""
        return {
            "go_version": self.go_version,
            "sees_cpu_quota": self.sees_cpu_quota,
            "interpreter": self.needs["interpreter"],
            "libraries": self.needs["libraries"],
            "search": self.needs["search"],
        }


def read_artefact(path: str) -> Artefact:
    """Read a program.

    :raises HostError: no such file, not readable, or not an ELF executable"""
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
    needs, info = _read_program(path)
    settings = {} if info is None else info.settings
    return Artefact(
        path,
        digest.hexdigest(),
        size,
        goarch,
        needs,
        trimpath=settings.get("-trimpath") == "true" if settings else None,
        go_version=None if info is None else info.go_version,
        sees_cpu_quota=None if info is None else _sees_cpu_quota(info),
    )


def _sees_cpu_quota(info: BuildInfo) -> bool | None:
    """Whether GOMAXPROCS follows the CPU quota of the cgroup: since Go 1.25, if the go line of the module is not older.

    An older go line shows in the build settings: the linker records the GODEBUG values that follow from it.
    """
    version = re.match(r"(?:devel )?go1\.(\d{1,9})(?!\d)", info.go_version)
    if version is None:
        return None
    if int(version.group(1)) < _FIRST_THAT_SEES:
        return False
    return "containermaxprocs=0" not in info.settings.get("DefaultGODEBUG", "").split(",")


def _read_program(path: str) -> tuple[dict[str, t.Any], BuildInfo | None]:
    try:
        with opened(path) as file:
            elf = parse_elf(file.read)
            info = read_build_info(elf, at_most=_MOST)
            return requirements_of(elf, read_dynamic(elf), {} if info is None else info.settings), info
    except FormatError as error:
        raise HostError(
            path,
            wanted="an undamaged ELF executable",
            found=f"damage: {error}",
            remedy="Build or fetch it again; nothing was sent.",
        )
