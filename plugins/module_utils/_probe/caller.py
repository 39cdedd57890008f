# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""The identity of this process, and the layer that refused one of its system calls."""

from __future__ import annotations

import errno
import os
import typing as t

from .answer import Probe, no, unknown, yes
from .files import read, read_sysctl
from .syscall import Outcome

__all__ = [
    "CAPABILITIES",
    "CAP_BPF",
    "CAP_DAC_OVERRIDE",
    "CAP_IPC_LOCK",
    "CAP_NET_ADMIN",
    "CAP_PERFMON",
    "CAP_SYS_ADMIN",
    "CAP_SYS_PTRACE",
    "Caller",
    "Policy",
    "judge",
    "read_caller",
]

# By number, from include/uapi/linux/capability.h.
_CAPABILITIES = """
CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
"""
CAPABILITIES = tuple(f"CAP_{name}" for name in _CAPABILITIES.split())
CAP_DAC_OVERRIDE = 1
CAP_NET_ADMIN = 12
CAP_IPC_LOCK = 14
CAP_SYS_PTRACE = 19
CAP_SYS_ADMIN = 21
CAP_PERFMON = 38
CAP_BPF = 39


class Caller(t.NamedTuple):
    """The identity and the confinement of this process. A field is None where it could not be read."""

    uid: int | None
    groups: tuple[int, ...]
    capabilities: int | None
    seccomp: int | None
    apparmor: str | None
    # In a user namespace other than the initial one. There, capabilities apply only to what that namespace owns.
    namespaced: bool = False

    def can(self, *capabilities: int) -> bool:
        """Return whether one of the capabilities is in the effective set and applies to the whole host."""
        held = 0 if self.namespaced else self.capabilities or 0
        return any(held >> number & 1 for number in capabilities)

    @property
    def filtered(self) -> bool:
        """Whether the caller has a seccomp filter (mode 2)."""
        return bool(self.seccomp)

    @property
    def confined(self) -> bool:
        """Whether an AppArmor profile is enforced on the caller."""
        return self.apparmor is not None and self.apparmor.endswith("(enforce)")

    def report(self) -> dict[str, t.Any]:
        """Return the dictionary that every module returns."""
        capabilities = None if self.capabilities is None else f"{self.capabilities:#018x}"
        return {
            "uid": self.uid,
            "groups": list(self.groups),
            "capabilities": capabilities,
            "seccomp": self.seccomp,
            "apparmor": self.apparmor,
            "user_namespace": self.namespaced,
        }


class Policy(t.NamedTuple):
    """A sysctl setting that can refuse a call.

    ``blocks``: whether a value of the setting refuses a caller. ``lacking``: what would exempt the caller.
    """

    key: str
    blocks: t.Callable[[int, Caller], bool]
    lacking: str | None = None

    def blocking(self, root: str, caller: Caller) -> int | None:
        """Return the value of the setting if it refuses this caller, else None."""
        value = read_sysctl(root, self.key)
        return value if value is not None and self.blocks(value, caller) else None


def parse_status(text: str) -> dict[str, str]:
    """Parse the fields of /proc/PID/status."""
    fields = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields[name] = value.strip()
    return fields


def read_caller(root: str) -> Caller:
    """Read this process's identity, capabilities, seccomp mode and AppArmor label."""
    fields = parse_status(read(root, "proc/self/status").text or "")
    uids = fields.get("Uid", "").split()
    gids = fields.get("Gid", "").split()[1:2] + fields.get("Groups", "").split()
    # attr/apparmor/current exists since Linux 5.8. Before that, attr/current may hold the label of another LSM.
    label = read(root, "proc/self/attr/apparmor/current").text or read(root, "proc/self/attr/current").text
    return Caller(
        uid=_number(uids[1]) if len(uids) > 1 else None,
        groups=tuple(dict.fromkeys(int(gid) for gid in gids if gid.isdigit())),
        capabilities=_number(fields.get("CapEff", ""), base=16),
        seccomp=_number(fields.get("Seccomp", "")),
        apparmor=label.strip("\n\0 ") if label else None,
        namespaced=_namespaced(root),
    )


def _namespaced(root: str) -> bool:
    """Return whether this process is in a user namespace other than the initial one (a fixed inode number)."""
    try:
        link = os.readlink(os.path.join(root, "proc/self/ns/user"))
    except OSError:
        return False
    return link != "user:[4026531837]"  # PROC_USER_INIT_INO


def judge(
    outcome: Outcome,
    *,
    root: str,
    caller: Caller,
    proves: t.Collection[int] = (),
    policies: t.Sequence[Policy] = (),
    needs: str = "",
    since: str = "",
) -> Probe:
    """Judge the outcome of a system call and the layer that decided it.

    :param proves: error numbers that only a kernel with the feature returns for these arguments
    :param policies: settings that can refuse the call
    :param needs: the privilege that the call needs, for the reason
    :param since: the first kernel release with the feature, for the reason
    """
    if outcome.killed:
        return no("seccomp", "a seccomp filter kills the process that makes the call (SIGSYS)")
    if outcome.value >= 0 and not outcome.errno:
        return yes("kernel", "tried, it works")
    name = errno.errorcode.get(outcome.errno, str(outcome.errno))
    if outcome.errno in proves:
        return yes("kernel", f"tried with empty arguments, {name}, which only a kernel with it returns")
    if outcome.errno in (errno.ENOSYS, errno.EOPNOTSUPP):
        return _absent(outcome.errno, caller, since)
    if outcome.errno in (errno.EPERM, errno.EACCES):
        return _refused(name, root, caller, policies, needs)
    return unknown("kernel", f"tried, {name} ({os.strerror(outcome.errno)}) is inconclusive")


def _absent(number: int, caller: Caller, since: str) -> Probe:
    if number == errno.EOPNOTSUPP:
        return no("kernel", "EOPNOTSUPP: built in, but disabled at boot")
    if caller.filtered:
        # Filters of container engines return ENOSYS for calls that they do not list, so that programs fall back.
        return no(
            "seccomp",
            f"ENOSYS under a seccomp filter: the filter refuses it or the kernel lacks it (since Linux {since})",
        )
    return no("kernel", f"ENOSYS: not in this kernel (since Linux {since}; a kernel may be built without it)")


def _refused(name: str, root: str, caller: Caller, policies: t.Sequence[Policy], needs: str) -> Probe:
    for policy in policies:
        value = policy.blocking(root, caller)
        if value is not None:
            layer = "apparmor" if "apparmor" in policy.key else "sysctl"
            lacking = needs if policy.lacking is None else policy.lacking
            return no(
                layer,
                f"{name}: {policy.key} is {value}" + (f" and the caller lacks {lacking}" if lacking else ""),
            )
    if caller.filtered:
        return no("seccomp", f"{name} under a seccomp filter; no setting explains it")
    if caller.confined:
        return no("apparmor", f"{name} under the AppArmor profile {caller.apparmor}")
    if needs:
        return no("capability", f"{name}: the caller lacks {needs}")
    return no("kernel", f"{name} from a layer that this probe does not know (a security module)")


def _number(text: str, *, base: int = 10) -> int | None:
    try:
        return int(text, base)
    except ValueError:
        return None
