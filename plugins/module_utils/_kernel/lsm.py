# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Probe security modules and unprivileged user namespaces, and read the lockdown mode."""

from __future__ import annotations

import errno
import re
import typing as t

from .._probe.answer import Probe, no, unknown, yes
from .._probe.caller import Policy, judge
from .._probe.files import read, read_int, read_sysctl, selected
from .._probe.host import Facts, Host
from .._probe.syscall import number_of

__all__ = [
    "count_profiles",
    "have_apparmor",
    "have_lsm",
    "have_unprivileged_userns",
    "probe_lsm",
    "read_lockdown",
]

_SECURITY = "sys/kernel/security"

_CLONE_NEWUSER = 0x10000000
_NOBODY = 65534
# A setting of Debian kernels, which refuses user namespaces to unprivileged users.
_USERNS = (Policy("kernel.unprivileged_userns_clone", lambda value, who: value == 0),)


def have_lsm(host: Host, name: str) -> Probe:
    """Probe the running kernel for an active security module.

    Commit d69dece5f5b6 ("LSM: Add /sys/kernel/security/lsm"), Linux 4.11.
    """
    found = read(host.root, "sys/kernel/security/lsm")
    if found.text is None:
        return unknown("kernel", f"/sys/kernel/security/lsm: {found.error or 'securityfs is not mounted'}")
    if name in found.text.strip().split(","):
        return yes("kernel", "in the list of active security modules")
    return no("kernel", f"not among the active security modules ({found.text.strip()})")


def have_apparmor(host: Host) -> Probe:
    """Probe the running kernel for AppArmor (Linux 2.6.36)."""
    found = read(host.root, "sys/module/apparmor/parameters/enabled")
    if found.text is not None:
        if found.text.strip() == "Y":
            return yes("kernel", "AppArmor is enabled")
        return no("kernel", "built in, but disabled at boot (apparmor=0, or an lsm= list without it)")
    if found.error:
        return unknown("kernel", f"/sys/module/apparmor/parameters/enabled: {found.error}")
    return no("kernel", "not in this kernel: no /sys/module/apparmor")


def have_unprivileged_userns(host: Host) -> Probe:
    """Probe the running kernel for user namespaces of unprivileged users by creating one in a child process.

    Commit 5eaf563e53294 ("userns: Allow unprivileged users to create user namespaces"), Linux 3.8.
    """
    number = number_of("unshare", machine=host.machine)
    if number is None:
        return unknown("kernel", f"the system call number of unshare on {host.machine} is not known")
    outcome = host.syscalls.in_child(number, _CLONE_NEWUSER, uid=_NOBODY)
    # On Ubuntu 24.04 the namespace is created without any capability in it.
    if outcome.value == 0 and read_sysctl(host.root, "kernel.apparmor_restrict_unprivileged_userns") == 1:
        return no(
            "apparmor", "created without capabilities: kernel.apparmor_restrict_unprivileged_userns is 1"
        )
    if outcome.errno == errno.ENOSPC:
        return no("sysctl", "ENOSPC: user.max_user_namespaces is used up or 0")
    return judge(outcome, root=host.root, caller=host.caller, policies=_USERNS, since="3.8")


def count_profiles(text: str) -> dict[str, int]:
    """Count the loaded AppArmor profiles by mode, from lines such as ``/usr/sbin/chronyd (enforce)``."""
    modes: dict[str, int] = {}
    for line in text.splitlines():
        match = re.fullmatch(r".+ \(([a-z]+)\)", line)
        if match is not None:
            modes[match.group(1)] = modes.get(match.group(1), 0) + 1
    return modes


def read_lockdown(root: str) -> str | None:
    """Return none, integrity or confidentiality, or None without lockdown or without securityfs."""
    return selected(read(root, f"{_SECURITY}/lockdown").text)


def probe_lsm(host: Host) -> Facts:
    """Read the active security modules in order, the state of each, and the lockdown mode."""
    active = read(host.root, f"{_SECURITY}/lsm").text
    enforcing = read_int(host.root, "sys/fs/selinux/enforce")
    return Facts(
        values={
            "active": active.strip().split(",") if active is not None else None,
            "lockdown": read_lockdown(host.root),
            "apparmor": _apparmor(host.root),
            "selinux": {0: "permissive", 1: "enforcing"}.get(-1 if enforcing is None else enforcing),
            "yama_ptrace_scope": read_sysctl(host.root, "kernel.yama.ptrace_scope"),
            "ima_measurements": read_int(host.root, f"{_SECURITY}/ima/runtime_measurements_count"),
        },
        capabilities={
            "apparmor": have_apparmor(host),
            "bpf_lsm": have_lsm(host, "bpf"),
            "landlock": have_lsm(host, "landlock"),
            "selinux": have_lsm(host, "selinux"),
            "unprivileged_userns": have_unprivileged_userns(host),
            "yama": have_lsm(host, "yama"),
        },
    )


def _apparmor(root: str) -> dict[str, t.Any]:
    found = read(root, f"{_SECURITY}/apparmor/profiles")
    reason = None
    if found.text is None:
        reason = f"/{_SECURITY}/apparmor/profiles: {found.error or 'does not exist'}"
    return {"profiles": count_profiles(found.text) if found.text is not None else None, "reason": reason}
