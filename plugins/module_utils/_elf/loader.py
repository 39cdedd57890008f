# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The shared libraries that a program would get on this host, found where the loader looks, and glibc among them.

Versions are judged as the loader does it: by the names that the library defines, not by comparing numbers. A library
that defines none (musl's) is taken for one that fits, as the loader takes it.
"""

from __future__ import annotations

import os
import re
import typing as t

from .dynamic import Dynamic, read_dynamic
from .open_file import opened
from .root_path import resolve
from .sections import Elf, FormatError, parse_elf

__all__ = ["INTERPRETERS", "Loader", "glibc_needed", "newest_glibc"]

# Where glibc's own loader is, by the machine as uname(2) gives it.
INTERPRETERS = {
    "x86_64": "/lib64/ld-linux-x86-64.so.2",
    "aarch64": "/lib/ld-linux-aarch64.so.1",
    "armv7l": "/lib/ld-linux-armhf.so.3",
    "i686": "/lib/ld-linux.so.2",
    "ppc64le": "/lib64/ld64.so.2",
    "s390x": "/lib/ld64.so.1",
    "riscv64": "/lib/ld-linux-riscv64-lp64d.so.1",
    "loongarch64": "/lib64/ld-linux-loongarch-lp64d.so.1",
}
_LIBC = "libc.so.6"
_DIRECTORIES = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib")
_MOST_CACHE = 1 << 24  # bytes of ld.so.cache; that of a desktop takes 100 KiB

_VERSION = re.compile(r"GLIBC_(\d+)\.(\d+)(?:\.(\d+))?")
# A mark without a number: relative relocations in short form, which glibc 2.36 was the first to read.
_MARKS = {"GLIBC_ABI_DT_RELR": "GLIBC_2.36"}


def newest_glibc(names: t.Iterable[str]) -> str | None:
    """The highest ``x.y`` among version names like GLIBC_2.34; None where there is none."""
    found = [_VERSION.fullmatch(_MARKS.get(name, name)) for name in names]
    versions = [tuple(int(part or 0) for part in match.groups()) for match in found if match]
    if not versions:
        return None
    major, minor, patch = max(versions)
    return f"{major}.{minor}.{patch}" if patch else f"{major}.{minor}"


def glibc_needed(dynamic: Dynamic) -> str | None:
    """The glibc that a program demands of its host; None for one that does not use it."""
    return newest_glibc(name for need in dynamic.needs for name in need.versions)


class Loader:
    """The loader of one root. Keeps what it found, as the programs of a host share it."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._defined: dict[str, tuple[str, ...]] = {}
        self._cache: bytes | None = None

    def interpreter(self, path: str) -> str | None:
        """The interpreter that a program names, with the root in front; None where there is none."""
        return resolve(self.root, path)

    def glibc(self, interpreter: str | None) -> str | None:
        """The version of the glibc that belongs to an interpreter: the highest that its libc.so.6 defines."""
        try:
            found = resolve(self.root, interpreter) if interpreter else None
            library = (
                resolve(self.root, self._inside(os.path.join(os.path.dirname(found), _LIBC)))
                if found
                else None
            )
            return newest_glibc(self.defined(library)) if library else None
        except (OSError, FormatError):
            return None

    def defined(self, path: str) -> tuple[str, ...]:
        """The versions that a library defines."""
        if path not in self._defined:
            with opened(path) as file:
                self._defined[path] = read_dynamic(parse_elf(file.read)).defines
        return self._defined[path]

    def find(self, name: str, *, elf: Elf, dynamic: Dynamic, origin: str) -> str | None:
        """The library that the loader takes for a name; ``origin`` is the directory of the program."""
        if "/" in name:
            return resolve(self.root, name)
        for place in self._places(name, dynamic, origin):
            found = resolve(self.root, place)
            if found is not None and _is_for(found, elf):
                return found
        return None

    def _places(self, name: str, dynamic: Dynamic, origin: str) -> t.Iterator[str]:
        for directory in dynamic.search:
            yield os.path.join(directory.replace("${ORIGIN}", origin).replace("$ORIGIN", origin), name)
        if self._cache is None:
            self._cache = _read_cache(self.root)
        for path in re.findall(rb"\0(/[^\0]*/" + re.escape(os.fsencode(name)) + rb")\0", self._cache):
            yield os.fsdecode(path)
        interpreter = resolve(self.root, dynamic.interpreter) if dynamic.interpreter else None
        own = (os.path.dirname(self._inside(interpreter)),) if interpreter is not None else ()
        for directory in (*own, *_DIRECTORIES):
            yield os.path.join(directory, name)

    def _inside(self, path: str) -> str:
        """A path under the root without the root in front."""
        return "/" + os.path.relpath(path, self.root)


def _read_cache(root: str) -> bytes:
    try:
        path = resolve(root, "/etc/ld.so.cache")
        if path is None:
            return b""
        with opened(path) as file:
            # The paths stand in one table of texts, each between zero bytes; a zero goes before the first.
            return b"\0" + file.read(0, _MOST_CACHE)
    except (OSError, FormatError):
        return b""


def _is_for(path: str, elf: Elf) -> bool:
    try:
        with opened(path) as file:
            found = parse_elf(file.read)
            return (found.machine, found.wide, found.order) == (elf.machine, elf.wide, elf.order)
    except FormatError:  # a linker script of this name, as libc.so has one
        return False
