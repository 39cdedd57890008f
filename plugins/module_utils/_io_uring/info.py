# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Whether io_uring can be used here, by whom, and with what."""

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

__all__ = ["ask", "read_io_uring"]

_HUGE = 1 << 20  # more entries than any kernel gives; CLAMP answers with its own maximum
_NO_DESCRIPTOR = 0x7FFFFFFF  # beyond every limit of open files


def ask() -> dict[str, t.Any]:
    """The return values of io_uring_info for whoever runs this."""
    return read_io_uring(this_host())


def read_io_uring(host: Host) -> dict[str, t.Any]:
    """Try everything."""
    plain = have_setup(host, "plain")
    usable = plain.answer == "yes"
    others = {name: have_setup(host, name, again=usable) for name in SETUPS if name != "plain"}
    return {
        "usable": plain.answer,
        "decided_by": plain.decided_by,
        "reason": plain.reason,
        "setup": {name: answer.report() for name, answer in {"plain": plain, **others}.items()},
        **_abilities(host, usable=usable),
        "registered_buffers": registered_buffers(host) if usable else None,
        "charged_rings": have_charged_rings(host).report(),
        "sysctl": {
            name: read_sysctl(host.root, f"kernel.{name}")
            for name in ("io_uring_disabled", "io_uring_group", "apparmor_restrict_unprivileged_io_uring")
        },
        "memlock": memlock(host.root),
        "caller": host.caller.report(),
    }


def _abilities(host: Host, *, usable: bool) -> dict[str, t.Any]:
    """Features, operations and limits, which only a ring tells."""
    nothing: dict[str, t.Any] = {"features": None, "opcodes": None, "registers": None, "limits": None}
    for ring, params in opened(make_ring(host) if usable else None):
        features = parse_params(params).features
        return {
            "features": {"hex": f"{features:#x}", "names": names_of_bits(features, FEATURES)},
            "opcodes": _opcodes(host, ring),
            "registers": have_registers(host),
            "limits": _limits(host),
        }
    return nothing


def _opcodes(host: Host, ring: int) -> dict[str, bool] | None:
    """REGISTER_PROBE; commit 66f4af93da57, Linux 5.6. None: the kernel or a filter does not answer."""
    number = number_of("io_uring_register", machine=host.machine)
    if number is None:
        return None
    buffer = bytearray(PROBE_SIZE)  # the kernel refuses a buffer that is not zero
    outcome = host.syscalls(number, ring, REGISTERS.index("PROBE"), buffer, 256)
    return parse_probe(buffer) if outcome.value == 0 else None


def have_registers(host: Host) -> dict[str, bool] | None:
    """Probe the running kernel for each operation of io_uring_register(2). None: it does not tell.

    An operation that it does not know is refused before the descriptor is looked at: EINVAL, and not EBADF.
    """
    number = number_of("io_uring_register", machine=host.machine)
    if number is None:
        return None

    def refusal(operation: int) -> int:
        return host.syscalls(number, _NO_DESCRIPTOR, operation, 0, 0).errno

    beyond = len(OPCODES) + 64  # no kernel has as many
    if (refusal(0), refusal(beyond)) != (errno.EBADF, errno.EINVAL):
        return None
    # They are numbered without a gap: halve what is between known and not known.
    known, not_known = 0, beyond
    while not_known - known > 1:
        middle = (known + not_known) // 2
        known, not_known = (middle, not_known) if refusal(middle) == errno.EBADF else (known, middle)
    names = [*REGISTERS, *(f"REGISTER_{index}" for index in range(len(REGISTERS), not_known))]
    return {name: index < not_known for index, name in enumerate(names)}


def _limits(host: Host) -> dict[str, int] | None:
    """The largest rings, as the kernel clamps them (Linux 5.6). None: not enough locked memory to see."""
    for dummy, params in opened(make_ring(host, entries=_HUGE, flags=("CLAMP",), again=False)):
        made = parse_params(params)
        return {"sq_entries": made.sq_entries, "cq_entries": made.cq_entries}
    return None
