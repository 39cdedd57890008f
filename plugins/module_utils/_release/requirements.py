# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Check what a program needs against what the host has, before anything is changed."""

from __future__ import annotations

import typing as t

from .._elf.dynamic import Dynamic, Need
from .._elf.file import Elf
from .._elf.loader import Loader, libraries_verdict
from .._errors import HostError
from .._kernel.cpu import level_verdict, read_flags

__all__ = ["check_requirements", "needs_spec", "requirements_of"]

_ET_EXEC = 2
# By the layer that decides. A missing library is a warning: a unit may set LD_LIBRARY_PATH.
_REMEDIES = {
    "cpu": "Build with GOAMD64=v1 (GOARM64=v8.0), Go's own default, or the level of the oldest host.",
    "glibc": "Build with CGO_ENABLED=0, or on a system whose glibc is not newer than that of the oldest host.",
    "loader": "Build with CGO_ENABLED=0, or on a system with the C library of the hosts.",
}


def needs_spec() -> dict[str, t.Any]:
    return {
        "machine": {"type": "int", "required": True},
        "wide": {"type": "bool", "required": True},
        "order": {"type": "str", "required": True, "choices": ["<", ">"]},
        "settings": {"type": "dict", "default": {}},
        "interpreter": {"type": "str"},
        "libraries": {"type": "list", "elements": "str", "default": []},
        "search": {"type": "list", "elements": "str", "default": []},
        "symbols": {"type": "dict", "default": {}},
    }


def requirements_of(elf: Elf, dynamic: Dynamic, settings: t.Mapping[str, str]) -> dict[str, t.Any]:
    """The requirements of a program, in the form of ``needs_spec``."""
    return {
        "machine": elf.machine,
        "wide": elf.wide,
        "order": elf.order,
        "settings": {key: settings[key] for key in sorted(settings) if key.startswith("GO")},
        "interpreter": dynamic.interpreter,
        "libraries": list(dynamic.needed),
        "search": list(dynamic.search),
        "symbols": {need.library: list(need.versions) for need in dynamic.needs},
    }


def check_requirements(
    subject: str,
    needs: t.Mapping[str, t.Any],
    *,
    executable: str,
    machine: str,
    root: str,
    brings: t.Collection[str],
) -> str | None:
    """Return a warning about a library that the loader does not find; None where nothing is missing.

    :param subject: the release, for errors
    :param executable: where the program will be
    :param machine: of this host, as uname(2) gives it
    :param root: where ``proc`` and the libraries of the host are
    :param brings: names of libraries that the release contains
    :raises HostError: the program was built for another processor, C library or loader
    """
    elf = Elf(lambda offset, size: b"", needs["wide"], needs["order"], _ET_EXEC, needs["machine"], (), ())
    settings = {key: str(value) for key, value in needs["settings"].items()}
    verdicts = (
        level_verdict(settings, machine=machine, flags=read_flags(root)),
        libraries_verdict(executable, elf, _dynamic(needs, brings), Loader(root)),
    )
    for verdict in verdicts:
        if verdict is not None and verdict.answer == "no":
            if verdict.decided_by not in _REMEDIES:
                return f"{subject}: {verdict.reason}."
            raise HostError(
                subject,
                wanted="a program that starts on this host",
                found=f"it does not: {verdict.reason}",
                remedy=f"{_REMEDIES[verdict.decided_by]} Nothing was sent or changed.",
            )
    return None


def _dynamic(needs: t.Mapping[str, t.Any], brings: t.Collection[str]) -> Dynamic:
    symbols = needs["symbols"].items()
    return Dynamic(
        interpreter=needs["interpreter"],
        needed=tuple(name for name in needs["libraries"] if name not in brings),
        search=tuple(needs["search"]),
        needs=tuple(Need(library, tuple(names), ()) for library, names in symbols if library not in brings),
        defines=(),
        position_independent=False,
    )
