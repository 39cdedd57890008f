# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""The settings that Go services run into, as they are in force."""

from __future__ import annotations

import typing as t

from .._probe.files import Text, read
from .._probe.host import Facts, Host

__all__ = ["SYSCTLS", "Value", "parse_value", "probe_sysctl", "read_setting"]

# One number, several, or text.
Value = t.Union[int, t.List[int], str]

SYSCTLS = (
    # descriptors, of which the runtime raises its soft limit to the hard one; files watched; pipes of net's splice
    "fs.file-max",
    "fs.file-nr",
    "fs.inotify.max_queued_events",
    "fs.inotify.max_user_instances",
    "fs.inotify.max_user_watches",
    "fs.nr_open",
    "fs.pipe-user-pages-soft",
    # what unprivileged processes may ask for, and what a crash leaves behind (GOTRACEBACK=crash)
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
    # threads: one for each goroutine that is in a system call
    "kernel.pid_max",
    "kernel.threads-max",
    # groups of sessions, and how a CPUQuota= is dealt out
    "kernel.numa_balancing",
    "kernel.sched_autogroup_enabled",
    "kernel.sched_cfs_bandwidth_slice_us",
    # the backlog of net.Listen, the queue before it, and the buffers of sockets
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
    # net.Listen asks for MPTCP first (Go 1.24)
    "net.mptcp.enabled",
    # there with the module nf_conntrack
    "net.netfilter.nf_conntrack_count",
    "net.netfilter.nf_conntrack_max",
    # mappings of a large heap, and what a fork or a large arena may promise
    "vm.max_map_count",
    "vm.min_free_kbytes",
    "vm.overcommit_memory",
    "vm.overcommit_ratio",
    "vm.swappiness",
    "vm.zone_reclaim_mode",
)
# Not numbers, though they may look so.
_TEXTS = frozenset(["kernel.core_pattern", "net.ipv4.ip_local_reserved_ports"])


def parse_value(key: str, text: str) -> Value:
    """A number, a list of numbers, or the text with single blanks."""
    words = text.split()
    numbers = [] if key in _TEXTS else [_number(word) for word in words]
    known = [number for number in numbers if number is not None]
    if known and len(known) == len(words):
        return known if len(known) > 1 else known[0]
    return " ".join(words)


def read_setting(root: str, key: str) -> Text:
    """What the kernel says of a key whose name has dots alone."""
    return read(root, f"proc/sys/{key.replace('.', '/')}")


def probe_sysctl(host: Host) -> Facts:
    """The settings that matter to Go services; null: the kernel has no such key, or does not show it."""
    values: dict[str, t.Any] = {}
    for key in SYSCTLS:
        text = read_setting(host.root, key).text
        values[key] = parse_value(key, text) if text is not None else None
    return Facts(values=values, capabilities={})


def _number(word: str) -> int | None:
    # The kernel reads 0x10 as 16 and 010 as 8, and shows neither form.
    digits = word.lstrip("+-")
    base = 16 if digits[:2].lower() == "0x" else 8 if digits[:1] == "0" and len(digits) > 1 else 10
    try:
        return int(word, base)
    except ValueError:
        return None
