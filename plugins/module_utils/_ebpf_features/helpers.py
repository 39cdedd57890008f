# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Functions that programs may call: what the verifier says of a call of each, from each type of program."""

from __future__ import annotations

import typing as t

from .._ebpf.bpf import Bpf, Loaded, instruction, opened
from .._ebpf.layers import Layers
from .._probe.answer import Probe, no, yes
from .._probe.caller import CAP_SYS_ADMIN
from .helper_names import HELPERS
from .programs import PROGRAMS, load_smallest

__all__ = ["DEFAULT_TYPES", "LOUD", "judge_helper", "probe_helper", "probe_helpers", "write_user_refusal"]

# What agents on a host load; the rest are for special purposes and take the same time each.
DEFAULT_TYPES = (
    "socket_filter",
    "kprobe",
    "sched_cls",
    "tracepoint",
    "xdp",
    "perf_event",
    "cgroup_skb",
    "sock_ops",
    "sk_msg",
    "raw_tracepoint",
    "tracing",
    "lsm",
)
# The verifier writes to the kernel log for probe_write_user, and switches an event on for the other two.
LOUD = ("bpf_trace_printk", "bpf_trace_vprintk", "bpf_probe_write_user")

_CALL = 0x85
_MOV64_REG = 0xBF
# Reads a register that holds nothing: no program of these is ever accepted, and so none is made.
_NEVER = instruction(_MOV64_REG, dst=0, src=9) + instruction(0x95)
_LOG_SIZE = 4096

_READS_KERNEL = {f"bpf_probe_read{form}" for form in ("", "_str", "_kernel", "_kernel_str")}
_TRACERS = ("kprobe", "tracepoint", "perf_event", "raw_tracepoint", "raw_tracepoint_writable", "tracing")

_YES = yes("kernel", "the verifier accepts a call")
_OTHER_TYPES = no("kernel", "this kernel has it for other program types, or not for this caller")
_ABSENT = no("kernel", "not in this kernel")


def probe_helpers(
    bpf: Bpf,
    layers: Layers,
    *,
    types: t.Sequence[str],
    targets: t.Mapping[str, int | None],
    loud: bool = False,
) -> dict[str, dict[str, Probe]]:
    """An answer for every helper from each of the types; none from a type that cannot be loaded.

    :param targets: by type, the number in the kernel's BTF of something that programs of the type may attach to
    :param loud: probe those of LOUD too
    """
    found: dict[str, dict[str, Probe]] = {}
    for kind in types:
        if PROGRAMS[kind].proof and not targets.get(kind):
            found[kind] = {}
            continue
        found[kind] = answers = {}
        for name in HELPERS[1:]:
            if name in LOUD and not loud:
                continue
            if any(answers.get(name) is _ABSENT for answers in found.values()):
                answers[name] = _ABSENT
                continue
            answer = probe_helper(bpf, layers, kind=kind, name=name, target=targets.get(kind) or 0)
            if answer is None:
                break
            answers[name] = answer
    return found


def probe_helper(bpf: Bpf, layers: Layers, *, kind: str, name: str, target: int = 0) -> Probe | None:
    """Probe the running kernel for one helper in one type of program; None: no program of that type gets so far."""
    code = instruction(_CALL, imm=HELPERS.index(name)) + _NEVER
    loaded = load_smallest(bpf, kind, code, btf_id=target, log_size=_LOG_SIZE)
    for dummy in opened(loaded.outcome):
        return _YES
    return judge_helper(loaded, layers, kind, name)


def judge_helper(loaded: Loaded, layers: Layers, kind: str, name: str) -> Probe | None:
    """What the verifier said of a call."""
    log = loaded.log
    if "invalid func " in log:
        return _ABSENT
    # The second form since Linux 6.11.
    if "unknown func " in log or "program of this type cannot use helper " in log:
        return _why_not(layers, kind, name)
    if log:
        return _YES
    return None


def _why_not(layers: Layers, kind: str, name: str) -> Probe:
    """The verifier treats what lockdown or a capability forbids as if the type did not have it."""
    if name in _READS_KERNEL and layers.confidential:
        return no("lockdown", "the kernel is locked down (confidentiality): programs read no kernel memory")
    if name == "bpf_probe_write_user" and kind in _TRACERS:
        return write_user_refusal(layers) or _OTHER_TYPES
    return _OTHER_TYPES


def write_user_refusal(layers: Layers) -> Probe | None:
    """Who forbids bpf_probe_write_user to programs of a type that has it."""
    if layers.locked:
        return no("lockdown", f"the kernel is locked down ({layers.lockdown}): programs write no user memory")
    if not layers.host.caller.can(CAP_SYS_ADMIN):
        return no("capability", "the caller lacks CAP_SYS_ADMIN, without which programs write no user memory")
    return None
