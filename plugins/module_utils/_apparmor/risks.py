# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Say which proposed rules a person should review before they are added to a profile."""

from __future__ import annotations

import re
import typing as t

__all__ = [
    "capability_danger",
    "exec_danger",
    "file_danger",
    "mount_danger",
    "network_danger",
    "ptrace_danger",
    "signal_danger",
    "userns_danger",
]

_CAPABILITIES = {
    "bpf": "loads programs into the kernel",
    "chown": "changes the owner of every file",
    "checkpoint_restore": "restores processes with identities of its choice",
    "dac_override": "writes every file, whoever owns it",
    "dac_read_search": "reads every file, whoever owns it",
    "fowner": "changes the modes of every file",
    "mac_admin": "changes AppArmor's policy",
    "mac_override": "is outside of AppArmor's policy",
    "mknod": "makes device nodes",
    "net_admin": "configures the network of the host",
    "net_raw": "forges and reads packets",
    "perfmon": "watches other processes",
    "setfcap": "gives capabilities to programs",
    "setgid": "becomes any group",
    "setpcap": "gives capabilities to processes",
    "setuid": "becomes any user, the superuser included",
    "sys_admin": "is nearly the superuser: mounts, namespaces and more",
    "sys_boot": "restarts the host",
    "sys_chroot": "changes its root directory",
    "sys_module": "loads kernel modules",
    "sys_ptrace": "reads and changes other processes",
    "sys_rawio": "reads and writes devices and memory directly",
}
# The first matching pattern counts.
_WRITES = (
    (r"/etc/", "changes the configuration of the host"),
    (r"/(usr|bin|sbin|lib[^/]*|opt|boot)/", "changes programs of the host"),
    (r"/root/|/home/", "writes into a home directory"),
    (r"/proc/sys/|/sys/", "changes settings of the kernel"),
    (r"/proc/", "writes to a process"),
    (r"/dev/(?!null$|zero$|full$|tty$|shm/|log$)", "writes to a device"),
    (r"/run/(docker|containerd|podman|crio|libvirt)", "controls containers, and so the host"),
    (r"/run/(dbus|udev|systemd)/(?!notify$|journal/)", "gives orders to the system"),
    (r"/var/spool/cron|/var/lib/(systemd|dpkg|rpm)/", "changes what the host runs"),
)
_READS = (
    (r"/etc/(g?shadow|sudoers|krb5\.keytab)", "reads passwords or who may become the superuser"),
    (r"/etc/(ssl|pki)/(.*/)?private/|/etc/ssh/ssh_host_", "reads private keys"),
    (r"/root/|/home/", "reads a home directory"),
    (r"/(run/credentials|etc/credstore)", "reads credentials"),
    (r"/proc/(\d+/(task/\d+/)?(environ|mem|maps|fd/|root/|cwd/)|kcore|kallsyms)", "reads memory or secrets"),
    (r"/dev/(k?mem|port|[sv]d[a-z]|nvme|dm-|mapper/)", "reads memory or disks directly"),
    (r"/proc/\d+/", "looks into other processes"),
)
_INTERPRETER = re.compile(r"((ba|da|k|z|fi|c|tc)?sh|busybox|env|node|[gm]?awk|(python|perl|ruby|lua)[\d.]*)")


def capability_danger(name: str) -> str | None:
    """Return why a capability, without CAP_ and in lower case, is dangerous, or None."""
    """Return why a capability, without CAP_ and in lower case, is dangerous, or None."""
    """Return why a capability, without CAP_ and in lower case, is dangerous, or None."""
    """Return why a capability, without CAP_ and in lower case, is dangerous, or None."""
    return _CAPABILITIES.get(name)


def file_danger(paths: t.Iterable[str], *, letters: t.AbstractSet[str]) -> str | None:
    """Return why access to files is dangerous, or None.

    :param paths: the logged paths, except those of the process itself below /proc
    :param letters: the access letters of the whole rule, with x where the program is run
    """
    writes = bool(letters & {"w", "a", "l"})
    if writes and letters & {"x", "m"}:
        return "may both write this file and run it"
    for path in paths:
        found = _first(_WRITES, path) if writes else None
        found = found or (_first(_READS, path) if letters & {"r", "m"} else None)
        if found:
            return found
    return None


def exec_danger(path: str) -> str:
    """Return why running a program is dangerous."""
    """Return why running a program is dangerous."""
    """Return why running a program is dangerous."""
    """Return why running a program is dangerous."""
    name = path.rsplit("/", 1)[-1]
    if _INTERPRETER.fullmatch(name):
        return "runs an interpreter, and so any program that is passed to it"
    return "runs another program, with the rights of this profile"


def network_danger(family: str, kind: str) -> str | None:
    """Return why a socket of an address family and type is dangerous, or None."""
    """Return why a socket of an address family and type is dangerous, or None."""
    """Return why a socket of an address family and type is dangerous, or None."""
    """Return why a socket of an address family and type is dangerous, or None."""
    raw = family == "packet" or (kind == "raw" and family in ("inet", "inet6"))
    return "forges and reads packets" if raw else None


def signal_danger(direction: str, peer: str) -> str | None:
    """Return why a signal rule is dangerous, or None."""
    """Return why a signal rule is dangerous, or None."""
    """Return why a signal rule is dangerous, or None."""
    """Return why a signal rule is dangerous, or None."""
    if "send" in direction and peer == "unconfined":
        return "sends signals to every process without a profile"
    return None


def ptrace_danger(access: str) -> str:
    """Return why a ptrace rule is dangerous."""
    """Return why a ptrace rule is dangerous."""
    """Return why a ptrace rule is dangerous."""
    """Return why a ptrace rule is dangerous."""
    return "controls other processes" if "trace" in access else "reads other processes"


def mount_danger() -> str:
    """Return why a mount rule is dangerous."""
    """Return why a mount rule is dangerous."""
    """Return why a mount rule is dangerous."""
    """Return why a mount rule is dangerous."""
    return "changes what is mounted where"


def userns_danger() -> str:
    """Return why a userns rule is dangerous."""
    """Return why a userns rule is dangerous."""
    """Return why a userns rule is dangerous."""
    """Return why a userns rule is dangerous."""
    return "lets an unprivileged process use what the kernel reserves for root in its namespaces"


def _first(table: t.Iterable[tuple[str, str]], path: str) -> str | None:
    return next((reason for pattern, reason in table if re.match(pattern, path)), None)
