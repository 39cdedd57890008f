# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Say which setting, unit or profile to change where a ring was refused."""

from __future__ import annotations

import typing as t

__all__ = ["GO", "advice"]

GO = (
    "The Go runtime does not use io_uring: its poller is epoll in every release. Only a program that brings "
    "its own io_uring library is affected by what this module reports."
)

_CALLS = "io_uring_setup io_uring_enter io_uring_register"


def advice(answer: t.Mapping[str, t.Any]) -> str | None:
    """Return a sentence that says what to change, or None where no change is needed.

    :param answer: the return values of io_uring_info, with the identity that was probed
    """
    unit = (answer.get("identity") or {}).get("unit")
    where = f"in {unit}" if unit else "in the unit of the service"
    if answer["usable"] == "yes":
        return _memory_advice(answer, where)
    if answer["usable"] == "unknown":
        return "Run this module as root, outside a container. The reason says what hid the answer."
    sentences: dict[str, t.Callable[[], str]] = {
        "memlock": lambda: f"Set LimitMEMLOCK=8M {where}, or more for larger rings (CAP_IPC_LOCK is exempt).",
        "sysctl": lambda: _sysctl_advice(answer["sysctl"]),
        "seccomp": lambda: (
            f"Allow {_CALLS} with SystemCallFilter= {where} (@system-service includes them), and remove a line "
            "that denies them. In a container, allow them in its seccomp profile."
        ),
        "apparmor": lambda: _apparmor_advice(answer),
        "capability": lambda: f"Grant CAP_SYS_ADMIN {where} (AmbientCapabilities=), or use a newer kernel.",
        "kernel": lambda: _kernel_advice(answer["reason"]),
    }
    return sentences[answer["decided_by"]]()


def _memory_advice(answer: t.Mapping[str, t.Any], where: str) -> str | None:
    refused = [name for name, probe in answer["setup"].items() if probe["decided_by"] == "memlock"]
    buffers = answer.get("registered_buffers") or {}
    # A refusal by memlock means that the limit is too low for some rings.
    if refused or buffers.get("decided_by") == "memlock":
        return f"Raise LimitMEMLOCK= {where}. Rings work, but the limit does not allow more."
    if answer.get("limits") is None and answer["charged_rings"]["answer"] == "yes":
        return (
            f"Raise LimitMEMLOCK= {where} to 8M to use larger rings. This kernel charges rings to the limit."
        )
    return None


def _sysctl_advice(values: t.Mapping[str, int | None]) -> str:
    group = values.get("io_uring_group")
    if values.get("io_uring_disabled") != 1:
        return (
            "Set kernel.io_uring_disabled to 0, or set it to 1 and kernel.io_uring_group to the group number of "
            "the service."
        )
    if group is None or group < 0:
        return (
            "Set kernel.io_uring_group to the group number of the service, or kernel.io_uring_disabled to 0."
        )
    return f"Add the service to group {group} (SupplementaryGroups={group}), or set kernel.io_uring_disabled to 0."


def _apparmor_advice(answer: t.Mapping[str, t.Any]) -> str:
    if answer["sysctl"].get("apparmor_restrict_unprivileged_io_uring") == 1:
        return (
            "Confine the service with a profile that has the rule io_uring, or set "
            "kernel.apparmor_restrict_unprivileged_io_uring to 0."
        )
    return f"Add the rule io_uring to the AppArmor profile {answer['caller']['apparmor']}."


def _kernel_advice(reason: str) -> str:
    if reason.startswith("ENOSYS"):
        return "Use a kernel of 5.1 or newer that is built with CONFIG_IO_URING."
    return "Look in the log of the security module of the host (SELinux, a BPF program) for what it denied."
