# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The level of the processor that a Go program was built for (GOAMD64 and its like), against the processor. Pure."""

from __future__ import annotations

import re
import typing as t

from .._probe.answer import Probe, no, unknown
from .cpu import amd64_level, arm64_level, have_goamd64, have_goarm64_lse

__all__ = ["level_of", "level_verdict"]

# The setting of each GOARCH, and the level that every processor of it has.
_SETTINGS = {
    "amd64": ("GOAMD64", "v1"),
    "arm64": ("GOARM64", "v8.0"),
    "ppc64le": ("GOPPC64", "power8"),
    "riscv64": ("GORISCV64", "rva20u64"),
}
_ARMS = {"armv6l": 6, "armv7l": 7, "armv8l": 7, "aarch64": 7}


def level_of(goarch: str, settings: t.Mapping[str, str]) -> str | None:
    """The level that a program was built for; None for a GOARCH that has none. Go 1.17 and older write none."""
    known = _SETTINGS.get(goarch)
    return settings.get(known[0], known[1]) if known else None


def level_verdict(
    settings: t.Mapping[str, str], *, machine: str, flags: t.Collection[str] | None
) -> Probe | None:
    """None: nothing against it."""
    if settings.get("GOAMD64"):
        return _amd64(settings["GOAMD64"], flags)
    if settings.get("GOARM64"):
        return _arm64(settings["GOARM64"], flags)
    if settings.get("GOARM"):
        return _arm(settings["GOARM"], machine)
    for name, base in _SETTINGS.values():
        if settings.get(name, base) != base:
            return unknown(
                "cpu", f"built with {name}={settings[name]}, which cannot be told of a processor here"
            )
    return None


def _amd64(level: str, flags: t.Collection[str] | None) -> Probe | None:
    if re.fullmatch(r"v[1-4]", level) is None:
        return unknown("cpu", f"built with GOAMD64={level}, which is not known here")
    if level == "v1":
        return None
    found = have_goamd64(flags, int(level[1:]))
    if found.answer == "no" and flags is not None:
        return no(
            "cpu", f"built with GOAMD64={level}, the processor has v{amd64_level(flags)}: {found.reason}"
        )
    return None if found.answer == "yes" else unknown("cpu", found.reason)


def _arm64(level: str, flags: t.Collection[str] | None) -> Probe | None:
    version, *options = level.split(",")
    match = re.fullmatch(r"v([89])\.(\d)", version)
    if match is None:
        return unknown("cpu", f"built with GOARM64={level}, which is not known here")
    if version == "v8.0" and "lse" not in options:
        return None
    found = have_goarm64_lse(flags)
    if flags is None or found.answer != "yes":
        return Probe(found.answer, "cpu", f"built with GOARM64={level}: {found.reason}")
    if version > arm64_level(flags):
        # Only LSE is tested at start; what else is missing shows when an instruction of it is reached.
        return unknown(
            "cpu", f"built with GOARM64={level}, the processor is told to have {arm64_level(flags)}"
        )
    return None


def _arm(level: str, machine: str) -> Probe | None:
    number, has = level.split(",", maxsplit=1)[0], _ARMS.get(machine)
    if not number.isdigit() or has is None:
        return unknown("cpu", f"built with GOARM={level}, this is {machine}")
    return no("cpu", f"built with GOARM={level}, this is {machine}") if int(number) > has else None
