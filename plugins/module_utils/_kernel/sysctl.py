# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Read kernel settings, and find the file that sets each of them at boot."""

from __future__ import annotations

import os
import typing as t

from .._atomic import read_text
from .._probe.files import Text, read
from .._probe.host import Facts, Host
from .._probe.mounts import parse_mounts
from .._sysctl.files import Assignment, boot_assignments, boot_winner, parse_assignments
from .._sysctl.setting import fields, key_path

__all__ = [
    "SYSCTLS",
    "Value",
    "parse_command_line",
    "parse_value",
    "probe_sysctl",
    "read_origins",
    "read_setting",
]

# A number, a list of numbers, or text.
Value = t.Union[int, t.List[int], str]

SYSCTLS = (
    # descriptors (the Go runtime raises its soft limit to the hard one), watched files, and pipes of splice in net
    "fs.file-max",
    "fs.file-nr",
    "fs.inotify.max_queued_events",
    "fs.inotify.max_user_instances",
    "fs.inotify.max_user_watches",
    "fs.nr_open",
    "fs.pipe-user-pages-soft",
    # what unprivileged processes may do, and core dumps (GOTRACEBACK=crash)
    "kernel.apparmor_restrict_unprivileged_io_uring",
    "kernel.apparmor_restrict_unprivileged_userns",
    "kernel.core_pattern",
    "kernel.dmesg_restrict",
    "kernel.io_uring_disabled",
    "kernel.io_uring_group",
    "kernel.kptr_restrict",
    "kernel.perf_event_paranoid",
    "kernel.randomize_va_space",
    "kernel.unprivileged_bpf_disabled",
    "kernel.unprivileged_userns_clone",
    "kernel.yama.ptrace_scope",
    "user.max_user_namespaces",
    "vm.memfd_noexec",
    "vm.unprivileged_userfaultfd",
    # threads (one for each goroutine in a system call)
    "kernel.pid_max",
    "kernel.threads-max",
    # the scheduler: groups of sessions, and the slices of a CPUQuota=
    "kernel.numa_balancing",
    "kernel.sched_autogroup_enabled",
    "kernel.sched_cfs_bandwidth_slice_us",
    # the backlog of net.Listen, the SYN queue, and the buffers of sockets
    "net.core.bpf_jit_enable",
    "net.core.default_qdisc",
    "net.core.netdev_max_backlog",
    "net.core.optmem_max",
    "net.core.rmem_default",
    "net.core.rmem_max",
    "net.core.somaxconn",
    "net.core.wmem_default",
    "net.core.wmem_max",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_nonlocal_bind",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_abort_on_overflow",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_fastopen",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_mem",
    "net.ipv4.tcp_notsent_lowat",
    "net.ipv4.tcp_retries2",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_syn_retries",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_wmem",
    "net.ipv6.bindv6only",
    "net.ipv6.conf.all.disable_ipv6",
    # net.Listen tries MPTCP first (Go 1.24)
    "net.mptcp.enabled",
    # present when the module nf_conntrack is loaded
    "net.netfilter.nf_conntrack_count",
    "net.netfilter.nf_conntrack_max",
    # mappings of a large heap, and overcommit for a fork or a large arena
    "vm.max_map_count",
    "vm.min_free_kbytes",
    "vm.overcommit_memory",
    "vm.overcommit_ratio",
    "vm.swappiness",
    "vm.zone_reclaim_mode",
)
# Text, though a value may look like a number.
_TEXTS = frozenset(["kernel.core_pattern", "net.ipv4.ip_local_reserved_ports"])


def parse_value(key: str, text: str) -> Value:
    """Parse a number, a list of numbers, or a text, whose white space becomes single spaces."""
    words = text.split()
    numbers = [] if key in _TEXTS else [_number(word) for word in words]
    known = [number for number in numbers if number is not None]
    if known and len(known) == len(words):
        return known if len(known) > 1 else known[0]
    return " ".join(words)


def read_setting(root: str, key: str) -> Text:
    """Read the value of a key whose name has no slashes."""
    return read(root, f"proc/sys/{key.replace('.', '/')}")


def probe_sysctl(host: Host) -> Facts:
    """Read the settings that matter to Go services.

    A value is None where the kernel has no such key or does not show it.
    """
    values: dict[str, t.Any] = {}
    for key in SYSCTLS:
        text = read_setting(host.root, key).text
        values[key] = parse_value(key, text) if text is not None else None
    return Facts(values=values, capabilities={})


def _number(word: str) -> int | None:
    # The kernel accepts 0x10 as 16 and 010 as 8, and always prints decimal numbers.
    digits = word.lstrip("+-")
    base = 16 if digits[:2].lower() == "0x" else 8 if digits[:1] == "0" and len(digits) > 1 else 10
    try:
        return int(word, base)
    except ValueError:
        return None


_COMMAND_LINE = "proc/cmdline"
# sysctl --system reads this file. systemd-sysctl reads it only through a link in sysctl.d.
_NOT_READ_AT_BOOT = "etc/sysctl.conf"


class _Sources(t.NamedTuple):
    """The lines of files that boot reads, of the kernel command line, and of files that boot does not read."""

    boot: list[Assignment]
    kernel: list[Assignment]
    ignored: list[Assignment]
    # The reason where boot sets nothing.
    no_boot_reason: str | None = None


def parse_command_line(text: str) -> list[Assignment]:
    """Parse the settings of the kernel command line, such as sysctl.net.core.somaxconn=4096.

    Commit 3db978d480e2 ("kernel/sysctl: support setting sysctl parameters from kernel command line"), Linux 5.8.
    """
    assignments = []
    for word in text.split():
        key, equals, value = word.partition("=")
        if equals and key.startswith(("sysctl.", "sysctl/")):
            assignments.append(
                Assignment(f"/{_COMMAND_LINE}", key_path(key[len("sysctl.") :]), fields(value))
            )
    return assignments


def read_origins(root: str, live: t.Mapping[str, Value | None]) -> dict[str, dict[str, t.Any]]:
    """Return the origin of each setting that the kernel has or that a file sets.

    :param live: the live values by key
    """
    sources = _read_sources(root)
    origins = {key: _origin(key, value, sources, root) for key, value in live.items()}
    return {key: origin for key, origin in origins.items() if origin is not None}


def _read_sources(root: str) -> _Sources:
    for mount in parse_mounts(read(root, "proc/self/mounts").text or ""):
        # With a read-only /proc/sys, systemd-sysctl.service does not start (ConditionPathIsReadWrite=/proc/sys/net/).
        if mount.point == "/proc/sys" and "ro" in mount.options:
            return _Sources(
                [], [], [], no_boot_reason="/proc/sys is read-only here, as in a container: boot sets nothing"
            )
    boot = [_shown(found, root) for found in boot_assignments(root, replaced={})]
    command_line = parse_command_line(read(root, _COMMAND_LINE).text or "")
    linked = {os.path.realpath(os.path.join(root, found.file.lstrip("/"))) for found in boot}
    path = os.path.join(root, _NOT_READ_AT_BOOT)
    try:
        text = None if os.path.realpath(path) in linked else read_text(path)
    except OSError:  # the caller may not read it
        text = None
    return _Sources(boot, command_line, parse_assignments(f"/{_NOT_READ_AT_BOOT}", text or ""))


def _shown(assignment: Assignment, root: str) -> Assignment:
    return assignment._replace(file=os.path.join("/", os.path.relpath(assignment.file, root)))


def _origin(key: str, live: Value | None, sources: _Sources, root: str) -> dict[str, t.Any] | None:
    path = key.replace(".", "/")
    winner = boot_winner(path, sources.boot) or boot_winner(path, sources.kernel)
    error = read_setting(root, key).error if live is None else None
    if live is None and not error and winner is None:
        return None
    setter = _setter(key, live, winner, sources)
    boot_value = parse_value(key, winner.value) if winner is not None and winner.value is not None else None
    overridden = live is not None and boot_value is not None and live != boot_value
    return {
        "live": live,
        "file": setter.file if setter is not None else None,
        "line": setter.line or None if setter is not None else None,
        "value": parse_value(key, setter.value or "") if setter is not None else None,
        "boot_value": boot_value,
        "wins": winner.file if winner is not None else None,
        "wins_line": winner.line or None if winner is not None else None,
        "overridden": overridden,
        "reason": sources.no_boot_reason or _reason(live, error, setter, winner),
    }


def _setter(key: str, live: Value | None, winner: Assignment | None, sources: _Sources) -> Assignment | None:
    """Return the line that gave the live value.

    It is the winner if that has the live value, else the last line that has it.
    """
    path = key.replace(".", "/")
    if live is None:
        return None
    setters = [*sources.ignored, *sources.kernel, *sources.boot, *([winner] if winner is not None else [])]
    same = [
        setter
        for setter in setters
        if boot_winner(path, [setter]) is not None and parse_value(key, setter.value or "") == live
    ]
    return same[-1] if same else None


def _reason(
    live: Value | None, error: str | None, setter: Assignment | None, winner: Assignment | None
) -> str:
    if live is None:
        state = f"cannot be read ({error})" if error else "is not in this kernel now (a module may bring it)"
        return f"{state}; {_location(winner)} sets it at boot" if winner is not None else state
    if winner is None:
        if setter is None:
            return "no file of sysctl.d sets it: the kernel's own value, or set by hand"
        return f"{_location(setter)} has this value, but boot does not read that file, and no file of sysctl.d sets it"
    if setter == winner:
        return f"{_location(winner)} sets it at boot"
    setter_text = (
        "no file has this value (set by hand or by a program)" if setter is None else _location(setter)
    )
    return f"{setter_text}, and at boot {_location(winner)} wins with {winner.value}"


def _location(assignment: Assignment | None) -> str:
    if assignment is None:
        return "no file"
    return f"{assignment.file}:{assignment.line}" if assignment.line else assignment.file
