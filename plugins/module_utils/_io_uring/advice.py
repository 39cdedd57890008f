# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""What to do about a ring that was refused: the setting, the line of the unit, the rule of the profile."""

from __future__ import annotations

import typing as t

__all__ = ["GO", "advice"]

GO = (
    "The Go runtime does not use io_uring: its poller is epoll in every release. Only a program that brings "
    "a ring library of its own feels what is reported here."
)

_CALLS = "io_uring_setup io_uring_enter io_uring_register"


def advice(answer: t.Mapping[str, t.Any]) -> str | None:
    """A sentence to act on; None where there is nothing to do.

    :param answer: the return values of io_uring_info, with the identity that was asked for
    """
    unit = (answer.get("identity") or {}).get("unit")
    there = f"in {unit}" if unit else "in the unit of the service"
    if answer["usable"] == "yes":
        return _of_memory(answer, there)
    if answer["usable"] == "unknown":
        return "Ask again as the superuser of the host, outside a container; the reason says what hid the answer."
    sentences: dict[str, t.Callable[[], str]] = {
        "memlock": lambda: f"Set LimitMEMLOCK=8M {there}, or more for larger rings (CAP_IPC_LOCK is exempt).",
        "sysctl": lambda: _of_sysctl(answer["sysctl"]),
        "seccomp": lambda: (
            f"Let SystemCallFilter= {there} allow {_CALLS} (@system-service has them; take out a line that "
            "denies them), or let the seccomp profile of the container do so."
        ),
        "apparmor": lambda: _of_apparmor(answer),
        "capability": lambda: f"Give CAP_SYS_ADMIN {there} (AmbientCapabilities=), or use a newer kernel.",
        "kernel": lambda: _of_kernel(answer["reason"]),
    }
    return sentences[answer["decided_by"]]()


def _of_memory(answer: t.Mapping[str, t.Any], there: str) -> str | None:
    refused = [name for name, probe in answer["setup"].items() if probe["decided_by"] == "memlock"]
    buffers = answer.get("registered_buffers") or {}
    # Without the largest rings the limit is too low for some of them.
    if refused or buffers.get("decided_by") == "memlock":
        return f"Raise LimitMEMLOCK= {there}: rings work, but the limit leaves no room for more."
    if answer.get("limits") is None and answer["charged_rings"]["answer"] == "yes":
        return (
            f"Raise LimitMEMLOCK= {there} to 8M if larger rings are wanted; this kernel charges them to it."
        )
    return None


def _of_sysctl(values: t.Mapping[str, int | None]) -> str:
    group = values.get("io_uring_group")
    if values.get("io_uring_disabled") != 1:
        return (
            "Set kernel.io_uring_disabled to 0, or to 1 with kernel.io_uring_group at the number of the "
            "service's group."
        )
    if group is None or group < 0:
        return "Set kernel.io_uring_group to the number of the service's group, or kernel.io_uring_disabled to 0."
    return f"Add the service to group {group} (SupplementaryGroups={group}), or set kernel.io_uring_disabled to 0."


def _of_apparmor(answer: t.Mapping[str, t.Any]) -> str:
    if answer["sysctl"].get("apparmor_restrict_unprivileged_io_uring") == 1:
        return (
            "Confine the service by a profile with the rule io_uring, or set "
            "kernel.apparmor_restrict_unprivileged_io_uring to 0."
        )
    return f"Add the rule io_uring to the AppArmor profile {answer['caller']['apparmor']}."


def _of_kernel(reason: str) -> str:
    if reason.startswith("ENOSYS"):
        return "Use a kernel of 5.1 or newer that is built with CONFIG_IO_URING."
    return "Ask the security module of the host (SELinux, a BPF program) for what it denied."
