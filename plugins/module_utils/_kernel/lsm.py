# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Security modules, lockdown, and what the unprivileged may do."""

from __future__ import annotations

import errno

from .caller import Policy, judge
from .files import read, read_sysctl, selected
from .host import Facts, Host
from .probe import Probe, no, unknown, yes
from .syscall import number_of

__all__ = ["have_apparmor", "have_lsm", "have_unprivileged_userns", "probe_lsm"]

_CLONE_NEWUSER = 0x10000000
_NOBODY = 65534
# Debian's own setting; whoever asks as nobody is refused.
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
    """Probe the running kernel for AppArmor, which since Linux 2.6.36 says so itself."""
    found = read(host.root, "sys/module/apparmor/parameters/enabled")
    if found.text is not None:
        if found.text.strip() == "Y":
            return yes("kernel", "AppArmor is enabled")
        return no("kernel", "built in, but switched off at boot (apparmor=0 or another lsm= list)")
    if found.error:
        return unknown("kernel", f"/sys/module/apparmor/parameters/enabled: {found.error}")
    return no("kernel", "not in this kernel: no /sys/module/apparmor")


def have_unprivileged_userns(host: Host) -> Probe:
    """Probe the running kernel for user namespaces made by nobody in particular, by making one in a child.

    Commit 5eaf563e53294 ("userns: Allow unprivileged users to create user namespaces"), Linux 3.8.
    """
    number = number_of("unshare", machine=host.machine)
    if number is None:
        return unknown("kernel", f"the number of unshare on {host.machine} is not known here")
    outcome = host.syscalls.apart(number, _CLONE_NEWUSER, uid=_NOBODY)
    # Ubuntu 24.04: the namespace is made, but nothing is permitted in it.
    if outcome.value == 0 and read_sysctl(host.root, "kernel.apparmor_restrict_unprivileged_userns") == 1:
        return no("apparmor", "made, but powerless: kernel.apparmor_restrict_unprivileged_userns is 1")
    if outcome.errno == errno.ENOSPC:
        return no("sysctl", "ENOSPC: user.max_user_namespaces is used up or 0")
    return judge(outcome, root=host.root, caller=host.caller, policies=_USERNS, since="3.8")


def probe_lsm(host: Host) -> Facts:
    """The active security modules in their order, AppArmor, lockdown."""
    active = read(host.root, "sys/kernel/security/lsm").text
    lockdown = read(host.root, "sys/kernel/security/lockdown").text
    return Facts(
        values={
            "active": active.strip().split(",") if active is not None else None,
            # none, integrity or confidentiality; null without the lockdown module
            "lockdown": selected(lockdown),
        },
        capabilities={
            "apparmor": have_apparmor(host),
            "bpf_lsm": have_lsm(host, "bpf"),
            "landlock": have_lsm(host, "landlock"),
            "unprivileged_userns": have_unprivileged_userns(host),
        },
    )
