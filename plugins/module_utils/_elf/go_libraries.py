# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Whether the loader of a host would find all that a dynamic Go program asks of it."""

from __future__ import annotations

import os
import typing as t

from .._probe.answer import Probe, no, unknown
from .dynamic import Dynamic
from .loader import Loader, newest_glibc
from .sections import Elf, FormatError

__all__ = ["libraries_verdict"]


def libraries_verdict(path: str, elf: Elf, dynamic: Dynamic, loader: Loader) -> Probe | None:
    """None: nothing against it. Libraries that other libraries need are not followed."""
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
