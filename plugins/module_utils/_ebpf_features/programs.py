# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Probe the types of BPF programs by loading the smallest program of each."""

from __future__ import annotations

import errno
import typing as t

from .._ebpf.abi import ATTACH_TYPES, PROGRAM_TYPES
from .._ebpf.bpf import Bpf, Loaded, exit_with, opened
from .._ebpf.layers import ENOTSUPP, Layers, Verdict, error_name, refused_bpf
from .._probe.answer import no, unknown, yes
from .._probe.caller import CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON

__all__ = [
    "PROGRAMS",
    "ProgramType",
    "have_program_type",
    "judge_load",
    "load_smallest",
    "probe_programs",
]

_SLEEPABLE = 1 << 4
_LOG_SIZE = 4096

_ANY = (CAP_BPF,)
_TRACING = (CAP_BPF, CAP_PERFMON)
_NETWORK = (CAP_BPF, CAP_NET_ADMIN)


class ProgramType(t.NamedTuple):
    """The attributes that the kernel requires for one program type. ``since`` is for the reason only.

    ``needs``: the capabilities. ``unprivileged``: needs none while unprivileged BPF is enabled. ``proof``: part of the
    log with which a kernel with this program type refuses BTF type 1, which is not a valid target.
    """

    since: str
    needs: tuple[int, ...] = _ANY
    unprivileged: bool = False
    expected: str = ""
    flags: int = 0
    proof: str = ""


_NO_FUNCTION = "is not a function"
PROGRAMS: dict[str, ProgramType] = {
    "socket_filter": ProgramType("3.19", unprivileged=True),  # commit ddd872bc3098
    "kprobe": ProgramType("4.1", _TRACING),  # commit 2541517c32be
    "sched_cls": ProgramType("4.1", _NETWORK),  # commit 96be4325f443
    "sched_act": ProgramType("4.1", _NETWORK),  # commit 94caee8c312d
    "tracepoint": ProgramType("4.7", _TRACING),  # commit 98b5c2c65c29
    "xdp": ProgramType("4.8", _NETWORK),  # commit 6a773a15a1e8
    "perf_event": ProgramType("4.9", _TRACING),  # commit 0515e5999a46
    "cgroup_skb": ProgramType("4.10", unprivileged=True),  # commit 0e33661de493
    "cgroup_sock": ProgramType("4.10", _NETWORK),  # commit 61023658760032
    "lwt_in": ProgramType("4.10", _NETWORK),  # commit 3a0af8fd61f9
    "lwt_out": ProgramType("4.10", _NETWORK),
    "lwt_xmit": ProgramType("4.10", _NETWORK),
    "sock_ops": ProgramType("4.13", _NETWORK),  # commit 40304b2a1567
    "sk_skb": ProgramType("4.14", _NETWORK),  # commit b005fd189cec
    "cgroup_device": ProgramType("4.15", _NETWORK),  # commit ebc614f68736
    "sk_msg": ProgramType("4.17", _NETWORK),  # commit 4f738adba30a
    "raw_tracepoint": ProgramType("4.17", _TRACING),  # commit c4f6699dfcb8
    "cgroup_sock_addr": ProgramType("4.17", _NETWORK, expected="cgroup_inet4_connect"),  # commit 4fbac77d2d09
    "lwt_seg6local": ProgramType("4.18", _NETWORK),  # commit 004d4b274e2a
    "lirc_mode2": ProgramType("4.18", expected="lirc_mode2"),  # commit f4364dcfc86d
    "sk_reuseport": ProgramType("4.19"),  # commit 2dbb9b9e6df6
    "flow_dissector": ProgramType("4.20", _NETWORK),  # commit d58e468b1112
    "cgroup_sysctl": ProgramType("5.2", _NETWORK),  # commit 7b146cebe30c
    "raw_tracepoint_writable": ProgramType("5.2", _TRACING),  # commit 9df1c28bb752
    "cgroup_sockopt": ProgramType("5.3", _NETWORK, expected="cgroup_getsockopt"),  # commit 0d01da6afc54
    "tracing": ProgramType(
        "5.5", _TRACING, expected="trace_fentry", proof=_NO_FUNCTION
    ),  # commit fec56f5890d9
    "struct_ops": ProgramType("5.6", _TRACING, proof="struct"),  # commit 27ae7997a661
    "ext": ProgramType(
        "5.6", (*_TRACING, CAP_NET_ADMIN), proof="Cannot replace kernel"
    ),  # commit be8704ff07d2
    "lsm": ProgramType("5.7", _TRACING, expected="lsm_mac", proof=_NO_FUNCTION),  # commit fc611f47f218
    "sk_lookup": ProgramType("5.9", expected="sk_lookup"),  # commit e9ddbb7707ff
    "syscall": ProgramType("5.14", flags=_SLEEPABLE),  # commit 79a7f8bdb159
    "netfilter": ProgramType("6.4", _NETWORK, expected="netfilter"),  # commit fd9c663b9ad6
}


def load_smallest(
    bpf: Bpf, name: str, instructions: bytes, *, btf_id: int = 0, log_size: int = _LOG_SIZE
) -> Loaded:
    """Load instructions as a program of a type of PROGRAMS.

    :param btf_id: the BTF number of the attach target, for the types that need one
    """
    kind = PROGRAMS[name]
    return bpf.load(
        PROGRAM_TYPES.index(name),
        instructions,
        flags=kind.flags,
        expected_attach_type=ATTACH_TYPES[kind.expected] if kind.expected else 0,
        attach_btf_id=btf_id,
        log_size=log_size,
    )


def have_program_type(bpf: Bpf, layers: Layers, name: str) -> Verdict:
    """Probe the running kernel for one program type of PROGRAMS."""
    if layers.bpf.probe.answer != "yes":
        return layers.bpf
    loaded = load_smallest(bpf, name, exit_with(0), btf_id=1 if PROGRAMS[name].proof else 0)
    for dummy in opened(loaded.outcome):
        return Verdict(yes("kernel", "loaded and closed again"))
    return judge_load(loaded, layers=layers, name=name)


def judge_load(loaded: Loaded, *, layers: Layers, name: str) -> Verdict:
    """Judge the refusal of a program of one type."""
    kind, number = PROGRAMS[name], loaded.outcome.errno
    error = error_name(number)
    if loaded.outcome.killed:
        return layers.bpf._replace(
            probe=no("seccomp", "a seccomp filter kills the process that loads a program (SIGSYS)")
        )
    if kind.proof and (kind.proof in loaded.log or number == ENOTSUPP):
        return Verdict(
            yes("kernel", "tried without a valid target, and refused as only a kernel with it does")
        )
    if number in (errno.EPERM, errno.EACCES) and not loaded.log:
        return refused_bpf(layers, error, needs=kind.needs, unprivileged=kind.unprivileged)
    if number == errno.EINVAL:
        without = ", or without BTF" if kind.proof else ""
        reason = f"EINVAL: this kernel is built without it{without} (since Linux {kind.since})"
        return Verdict(no("kernel", reason), None)
    log_lines = loaded.log.strip().splitlines()
    return Verdict(
        unknown("kernel", f"tried, {error} is inconclusive{': ' + log_lines[-1] if log_lines else ''}")
    )


def probe_programs(bpf: Bpf, layers: Layers) -> dict[str, Verdict]:
    """Probe every program type of PROGRAMS."""
    return {name: have_program_type(bpf, layers, name) for name in PROGRAMS}
