# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Find the shared libraries that the dynamic loader would load for a program, see ld.so(8)."""

from __future__ import annotations

import os
import re
import stat
import typing as t

from .._probe.answer import Probe, no, unknown
from .dynamic import Dynamic, read_dynamic
from .file import Elf, FormatError, parse_elf
from .open_file import opened

__all__ = ["INTERPRETERS", "Loader", "glibc_needed", "libraries_verdict", "newest_glibc", "resolve"]

_MAX_LINKS = 40  # MAXSYMLINKS of the kernel

# The path of glibc's loader, by the machine as uname(2) names it.
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
_MAX_CACHE = 1 << 24  # bytes of ld.so.cache; that of a desktop has 100 KiB

_VERSION = re.compile(r"GLIBC_(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?")
# A version name without a number: relative relocations in the DT_RELR format, which glibc reads since 2.36.
_UNNUMBERED = {"GLIBC_ABI_DT_RELR": "GLIBC_2.36"}


def resolve(root: str, path: str) -> str | None:
    """Follow the links of a path inside a root directory.

    :returns: the file with ``root`` in front; None if there is no file
    :raises OSError: a directory of the path cannot be searched
    """
    left = [part for part in path.split("/") if part not in ("", ".")]
    done: list[str] = []
    links = 0
    while left:
        part = left.pop(0)
        if part == "..":
            done = done[:-1]
            continue
        here = os.path.join(root, *done, part)
        try:
            is_link = stat.S_ISLNK(os.lstat(here).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not is_link:
            done.append(part)
            continue
        links += 1
        if links > _MAX_LINKS:
            return None
        target = os.readlink(here)
        if target.startswith("/"):
            done = []
        left[:0] = [name for name in target.split("/") if name not in ("", ".")]
    return os.path.join(root, *done)


def newest_glibc(names: t.Iterable[str]) -> str | None:
    """The highest version ``x.y`` among version names like GLIBC_2.34, or None if there is none."""
    found = [_VERSION.fullmatch(_UNNUMBERED.get(name, name)) for name in names]
    versions = [tuple(int(part or 0) for part in match.groups()) for match in found if match]
    if not versions:
        return None
    major, minor, patch = max(versions)
    return f"{major}.{minor}.{patch}" if patch else f"{major}.{minor}"


def glibc_needed(dynamic: Dynamic) -> str | None:
    """The oldest version of glibc that a program can start with, or None if it does not use glibc."""
    return newest_glibc(name for need in dynamic.needs for name in need.versions)


class Loader:
    """The dynamic loader of a root directory. It caches what it reads, because many programs use the same libraries."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._defined: dict[str, tuple[str, ...]] = {}
        self._cache: bytes | None = None

    def interpreter(self, path: str) -> str | None:
        """The interpreter of a program, with the root in front, or None if it does not exist."""
        return resolve(self.root, path)

    def glibc(self, interpreter: str | None) -> str | None:
        """The highest version that the libc.so.6 beside an interpreter defines, or None if there is none."""
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
        """The versions that a library defines.

        :raises FormatError: not an ELF file that can be read
        :raises OSError: the file cannot be read
        """
        if path not in self._defined:
            with opened(path) as file:
                self._defined[path] = read_dynamic(parse_elf(file.read)).defines
        return self._defined[path]

    def find(self, name: str, *, elf: Elf, dynamic: Dynamic, origin: str) -> str | None:
        """The library that the loader would load for a name of DT_NEEDED, or None if there is none.

        :param elf: the program
        :param origin: the directory of the program, for ``$ORIGIN``
        """
        if "/" in name:
            return resolve(self.root, name)
        for path in self._candidates(name, dynamic, origin):
            found = resolve(self.root, path)
            if found is not None and _is_for(found, elf):
                return found
        return None

    def _candidates(self, name: str, dynamic: Dynamic, origin: str) -> t.Iterator[str]:
        """Paths in the order in which the loader tries them."""
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
            # The paths are in a table of zero-terminated strings. With a zero before the first, each is between zeros.
            return b"\0" + file.read(0, _MAX_CACHE)
    except (OSError, FormatError):
        return b""


def _is_for(path: str, elf: Elf) -> bool:
    """Whether a library has the architecture of a program."""
    try:
        with opened(path) as file:
            found = parse_elf(file.read)
            return (found.machine, found.wide, found.order) == (elf.machine, elf.wide, elf.order)
    except FormatError:  # such as the linker script that libc.so is
        return False


def libraries_verdict(path: str, elf: Elf, dynamic: Dynamic, loader: Loader) -> Probe | None:
    """Check that the interpreter, the libraries and their versions are there, or None if nothing is missing.

    Only the libraries of the program are checked, not those that these libraries need.
    """
    if dynamic.static:
        return None
    try:
        return next(_refusals(path, elf, dynamic, loader), None)
    except OSError as error:
        return unknown("loader", f"{error.filename or 'a library'} cannot be read: {error.strerror}")
    except FormatError as error:
        return unknown("loader", f"a library that it needs cannot be read: {error}")


def _refusals(path: str, elf: Elf, dynamic: Dynamic, loader: Loader) -> t.Iterator[Probe]:
    wanted = dynamic.interpreter
    if wanted is not None and loader.interpreter(wanted) is None:
        kind = (
            "musl"
            if "ld-musl" in wanted
            else "glibc"
            if "ld-linux" in wanted or "ld64" in wanted
            else "another"
        )
        yield no("loader", f"its interpreter {wanted} is not on this host (built for {kind} as C library)")
    found: dict[str, str] = {}
    for name in dynamic.needed:
        library = loader.find(name, elf=elf, dynamic=dynamic, origin=os.path.dirname(path))
        if library is not None:
            found[name] = library
        elif not (name == "libc.so" and "ld-musl" in (wanted or "")):  # musl's loader is its libc.so
            yield no(
                "library",
                f"{name} is in no directory that the loader searches (a unit may name one in LD_LIBRARY_PATH)",
            )
    for need in dynamic.needs:
        defined = loader.defined(found[need.library]) if need.library in found else ()
        missing = [name for name in need.versions if name not in defined] if defined else []
        if missing:
            yield _too_old(need.library, missing, defined)


def _too_old(library: str, missing: list[str], defined: t.Sequence[str]) -> Probe:
    wanted, has = newest_glibc(missing), newest_glibc(defined)
    if wanted is None or has is None:
        return no("library", f"{library} of this host does not define {', '.join(missing)}")
    return no("glibc", f"needs glibc {wanted} ({library}: {', '.join(missing)}), this host has {has}")
