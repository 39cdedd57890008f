# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Probe transparent huge pages and pressure stall information, which matter to a Go heap."""

from __future__ import annotations

import errno

from .._probe.answer import Probe, no, unknown, yes
from .._probe.files import read, read_int, selected
from .._probe.host import Facts, Host

__all__ = ["have_psi", "have_thp", "parse_pressure", "probe_psi", "probe_thp"]

_THP = "sys/kernel/mm/transparent_hugepage"
_RESOURCES = ("cpu", "io", "memory", "irq")


def have_thp(host: Host) -> Probe:
    """Probe the running kernel for transparent huge pages (mode always or madvise).

    Commit 71e3aac0724f ("thp: transparent hugepage core"), Linux 2.6.38.
    """
    found = read(host.root, f"{_THP}/enabled")
    if found.text is None:
        if found.error:
            return unknown("kernel", f"/{_THP}/enabled: {found.error}")
        return no("kernel", "not in this kernel: built without CONFIG_TRANSPARENT_HUGEPAGE")
    mode = selected(found.text)
    if mode is None:
        return unknown("kernel", f"/{_THP}/enabled holds {found.text.strip()!r}")
    if mode == "never":
        return no("sysctl", f"/{_THP}/enabled is never")
    return yes("kernel", f"/{_THP}/enabled is {mode}")


def have_psi(host: Host) -> Probe:
    """Probe the running kernel for pressure stall information.

    Commit eb414681d5a0 ("psi: pressure stall information for CPU, memory, and IO"), Linux 4.20.
    """
    found = read(host.root, "proc/pressure/memory")
    if found.text is not None and parse_pressure(found.text):
        return yes("kernel", "/proc/pressure/memory can be read")
    if found.text is not None:
        return unknown("kernel", f"/proc/pressure/memory holds {found.text.strip()!r}")
    if found.error and found.errno != errno.EOPNOTSUPP:
        return unknown("kernel", f"/proc/pressure/memory: {found.error}")
    if found.error:
        return no("kernel", f"disabled: /proc/pressure/memory: {found.error} (boot with psi=1)")
    return no(
        "kernel", "no /proc/pressure: built without CONFIG_PSI, or disabled by default (boot with psi=1)"
    )


def parse_pressure(text: str) -> dict[str, dict[str, float]]:
    """Parse the lines of a pressure file, such as ``some avg10=0.00 avg60=0.00 avg300=0.00 total=0``.

    Averages are in percent of time, totals in microseconds.
    """
    lines: dict[str, dict[str, float]] = {}
    for line in text.splitlines():
        kind, *pairs = line.split() or [""]
        if kind not in ("some", "full"):
            return {}
        try:
            lines[kind] = {
                name: float(value) for name, dummy, value in (pair.partition("=") for pair in pairs)
            }
        except ValueError:
            return {}
    return lines


def probe_thp(host: Host) -> Facts:
    """Read the settings of transparent huge pages, which affect the memory that a Go heap takes."""
    return Facts(
        values={
            "enabled": selected(read(host.root, f"{_THP}/enabled").text),
            "defrag": selected(read(host.root, f"{_THP}/defrag").text),
            "max_ptes_none": read_int(host.root, f"{_THP}/khugepaged/max_ptes_none"),
        },
        capabilities={"thp": have_thp(host)},
    )


def probe_psi(host: Host) -> Facts:
    """Read the current pressure on each resource."""
    texts = {name: read(host.root, f"proc/pressure/{name}").text for name in _RESOURCES}
    return Facts(
        values={name: parse_pressure(text) for name, text in texts.items() if text is not None},
        capabilities={"psi": have_psi(host)},
    )
