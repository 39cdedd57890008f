# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Describe one Go program: how its file was built, and whether it starts on this host."""

from __future__ import annotations

import datetime
import stat
import typing as t

from .._elf.dynamic import Dynamic, read_dynamic
from .._elf.file import HEAD_SIZE, Elf, parse_elf, parse_elf_head
from .._elf.loader import INTERPRETERS, glibc_needed
from .._elf.notes import read_build_ids
from .._elf.open_file import OpenFile, opened, sha256_of
from .._errors import HostError
from .._go_toolchain.support import NewestGo, supported, toolchain_age_days
from .._iso_time import iso_time
from .._kernel.cpu import level_of
from .buildinfo import BuildInfo, Module, read_build_info
from .start import LIBRARY_MODES, Program, Target, starts_here

__all__ = ["Reading", "is_elf", "read_go_binary"]

_SHT_SYMTAB = 2
_ET_DYN = 3


class Reading(t.NamedTuple):
    """The settings with which a run reads all programs."""

    target: Target
    newest: NewestGo
    today: datetime.date
    max_bytes: int  # of one file
    dependencies: bool  # whether to return the modules
    checksum: bool  # whether to return the SHA-256


def is_elf(path: str) -> bool:
    """Whether a file starts like an ELF file.

    :raises FormatError: not a regular file
    :raises OSError: it cannot be read
    """
    with opened(path) as file:
        return file.read(0, 4) == b"\x7fELF"


def read_go_binary(path: str, *, reading: Reading) -> dict[str, t.Any] | None:
    """An entry of ``binaries`` without names and processes, or None if Go did not build the file.

    :raises FormatError: not an ELF file, or damaged
    :raises OSError: it cannot be read
    """
    with opened(path) as file:
        elf = parse_elf(file.read)
        info = read_build_info(elf, at_most=reading.max_bytes)
        if info is None:
            return None
        dynamic = read_dynamic(elf)
        program = Program(path, file.status, elf, dynamic, info)
        return {
            **_build(info, elf, reading),
            **_form(elf, dynamic, info),
            **_links(dynamic, reading.target),
            **_file(file, reading),
            "starts_here": starts_here(program, reading.target).report(),
        }


def _build(info: BuildInfo, elf: Elf, reading: Reading) -> dict[str, t.Any]:
    goarch = info.settings.get("GOARCH") or _goarch(elf)
    level = level_of(goarch or "", info.settings)
    deps = [_module(module) for module in info.deps]
    return {
        "go_version": info.go_version,
        "toolchain_age_days": toolchain_age_days(info.go_version, today=reading.today),
        "supported": supported(info.go_version, newest=reading.newest),
        "package": info.package or None,
        "main": _module(info.main or Module("", "", "")),
        "deps": deps if reading.dependencies else [],
        "deps_count": len(deps),
        "settings": info.settings,
        "goos": info.settings.get("GOOS"),
        "goarch": goarch,
        "level": level,
        "goamd64": level if goarch == "amd64" else None,
        "cgo": {"1": True, "0": False}.get(info.settings.get("CGO_ENABLED", "")),
    }


def _goarch(elf: Elf) -> str | None:
    try:
        return parse_elf_head(elf.read(0, HEAD_SIZE), name="").goarch
    except HostError:
        return None


def _module(module: Module) -> dict[str, t.Any]:
    return {
        "path": module.path or None,
        "version": module.version or None,
        "sum": module.sum or None,
        "replace": _module(module.replace) if module.replace is not None else None,
    }


def _form(elf: Elf, dynamic: Dynamic, info: BuildInfo) -> dict[str, t.Any]:
    mode = info.settings.get("-buildmode", "")
    program = mode == "pie" or dynamic.position_independent or dynamic.interpreter is not None
    names = {part.name for part in elf.sections or ()}
    known = elf.sections is not None
    ids = read_build_ids(elf)
    return {
        "pie": elf.kind == _ET_DYN and program and mode not in LIBRARY_MODES,
        "stripped": all(part.kind != _SHT_SYMTAB for part in elf.sections or ()) if known else None,
        "dwarf": bool(names & {".debug_info", ".zdebug_info"}) if known else None,
        "build_id": ids.go,
        "gnu_build_id": ids.gnu,
    }


def _links(dynamic: Dynamic, target: Target) -> dict[str, t.Any]:
    loader = target.loader
    return {
        "static": dynamic.static,
        "interpreter": dynamic.interpreter,
        "libraries": list(dynamic.needed),
        "glibc": {
            "needed": glibc_needed(dynamic),
            "host": loader.glibc(dynamic.interpreter) or loader.glibc(INTERPRETERS.get(target.machine)),
        },
    }


def _file(file: OpenFile, reading: Reading) -> dict[str, t.Any]:
    status = file.status
    return {
        "size": status.st_size,
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "uid": status.st_uid,
        "gid": status.st_gid,
        "modified": iso_time(max(status.st_mtime, 0)),
        "sha256": sha256_of(file, at_most=reading.max_bytes) if reading.checksum else None,
    }
