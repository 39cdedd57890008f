# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Probe everything that io_uring_info returns."""

from __future__ import annotations

import errno
import typing as t

from .._probe.files import read_sysctl
from .._probe.host import Host, this_host
from .._probe.syscall import number_of
from .abi import (
    FEATURES,
    OPCODES,
    PROBE_SIZE,
    REGISTERS,
    names_of_bits,
    parse_params,
    parse_probe,
)
from .memory import have_charged_rings, registered_buffers
from .setup import SETUPS, have_setup, make_ring, memlock, opened

__all__ = ["query", "read_io_uring"]

_HUGE = 1 << 20  # more entries than any kernel allows; with CLAMP the kernel reduces it to its maximum
_NO_DESCRIPTOR = 0x7FFFFFFF  # larger than any limit of open files


def query() -> dict[str, t.Any]:
    """Return the return values of io_uring_info for the identity of this process."""
    return read_io_uring(this_host())


def read_io_uring(host: Host) -> dict[str, t.Any]:
    """Probe everything that io_uring_info returns."""
    plain = have_setup(host, "plain")
    usable = plain.answer == "yes"
    other_setups = {name: have_setup(host, name, again=usable) for name in SETUPS if name != "plain"}
    return {
        "usable": plain.answer,
        "decided_by": plain.decided_by,
        "reason": plain.reason,
        "setup": {name: answer.report() for name, answer in {"plain": plain, **other_setups}.items()},
        **_ring_properties(host, usable=usable),
        "registered_buffers": registered_buffers(host) if usable else None,
        "charged_rings": have_charged_rings(host).report(),
        "sysctl": {
            name: read_sysctl(host.root, f"kernel.{name}")
            for name in ("io_uring_disabled", "io_uring_group", "apparmor_restrict_unprivileged_io_uring")
        },
        "memlock": memlock(host.root),
        "caller": host.caller.report(),
    }


def _ring_properties(host: Host, *, usable: bool) -> dict[str, t.Any]:
    """Return features, operations and limits, which can only be read from a ring."""
    no_values: dict[str, t.Any] = {"features": None, "opcodes": None, "registers": None, "limits": None}
    for ring, params in opened(make_ring(host) if usable else None):
        features = parse_params(params).features
        return {
            "features": {"hex": f"{features:#x}", "names": names_of_bits(features, FEATURES)},
            "opcodes": _opcodes(host, ring),
            "registers": have_registers(host),
            "limits": _limits(host),
        }
    return no_values


def _opcodes(host: Host, ring: int) -> dict[str, bool] | None:
    """Return opcode -> supported, with REGISTER_PROBE (commit 66f4af93da57, Linux 5.6).

    :returns: None where the kernel or a filter refuses the call
    """
    number = number_of("io_uring_register", machine=host.machine)
    if number is None:
        return None
    buffer = bytearray(PROBE_SIZE)  # the kernel requires zeros in the buffer
    outcome = host.syscalls(number, ring, REGISTERS.index("PROBE"), buffer, 256)
    return parse_probe(buffer) if outcome.value == 0 else None


def have_registers(host: Host) -> dict[str, bool] | None:
    """Probe the running kernel for each operation of io_uring_register(2).

    The kernel refuses an unknown operation with EINVAL before it checks the descriptor, which gives EBADF.

    :returns: operation -> supported, or None where this kernel checks in another order
    """
    number = number_of("io_uring_register", machine=host.machine)
    if number is None:
        return None

    def refusal(operation: int) -> int:
        return host.syscalls(number, _NO_DESCRIPTOR, operation, 0, 0).errno

    beyond = len(OPCODES) + 64  # more than any kernel has
    if (refusal(0), refusal(beyond)) != (errno.EBADF, errno.EINVAL):
        return None
    # The numbers have no gaps, so a binary search finds the last one that the kernel knows.
    known, not_known = 0, beyond
    while not_known - known > 1:
        middle = (known + not_known) // 2
        known, not_known = (middle, not_known) if refusal(middle) == errno.EBADF else (known, middle)
    names = [*REGISTERS, *(f"REGISTER_{index}" for index in range(len(REGISTERS), not_known))]
    return {name: index < not_known for index, name in enumerate(names)}


def _limits(host: Host) -> dict[str, int] | None:
    """Return the entries of the largest rings, to which the kernel clamps a request (Linux 5.6).

    :returns: None where the limit of locked memory does not allow such a ring
    """
    for dummy, params in opened(make_ring(host, entries=_HUGE, flags=("CLAMP",), again=False)):
        made = parse_params(params)
        return {"sq_entries": made.sq_entries, "cq_entries": made.cq_entries}
    return None
