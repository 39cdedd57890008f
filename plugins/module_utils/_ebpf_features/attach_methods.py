# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Probe the ways to attach a BPF program by attaching one."""

from __future__ import annotations

import errno
import os
import typing as t

from .._ebpf.attach import (
    Attempt,
    attach_cgroup,
    attach_fentry,
    attach_kprobe_multi,
    attach_kprobe_perf,
    attach_kprobe_tracefs,
    attach_raw_tracepoint,
    attach_tcx,
    attach_tracepoint,
    attach_uprobe_multi,
    attach_uprobe_perf,
)
from .._ebpf.bpf import Bpf, Loaded
from .._ebpf.layers import (
    ENOTSUPP,
    Layers,
    Verdict,
    error_name,
    locked_down,
    refused_bpf,
    refused_event,
    remedy,
)
from .._kernel.btf import read_btf
from .._probe.answer import no, unknown, yes
from .._probe.caller import CAP_BPF, CAP_DAC_OVERRIDE, CAP_NET_ADMIN, CAP_PERFMON, CAP_SYS_ADMIN
from .._probe.files import read
from .._probe.host import Host
from .programs import judge_load

__all__ = ["METHODS", "Targets", "find_targets", "have_btf", "have_tracefs", "judge_attempt", "probe_attach"]

# Functions that every kernel has, calls rarely and allows to be traced.
_FUNCTIONS = ("ksys_sync", "vfs_statfs", "kernel_restart")
_LSM_HOOK = "bpf_lsm_file_open"
_TRACEPOINT = "sched/sched_process_exit"


class Targets(t.NamedTuple):
    """The targets that the probe attaches programs to.

    ``fentry`` and ``lsm``: their numbers in the kernel's BTF, or None. ``btf``: why ``fentry`` is None.
    """

    function: str
    fentry: int | None
    lsm: int | None
    tracefs: str | None
    btf: str | None = None

    @property
    def by_type(self) -> dict[str, int | None]:
        """The number in the kernel's BTF by program type."""
        return {"tracing": self.fentry, "lsm": self.lsm}


def find_targets(root: str, *, tracefs: str | None) -> Targets:
    """Choose the target function from the kernel's BTF."""
    types = read_btf(root)
    if isinstance(types, str):
        return Targets(_FUNCTIONS[0], None, None, tracefs, types)
    for name in _FUNCTIONS:
        number = types.function_id(name)
        if number is not None:
            return Targets(name, number, types.function_id(_LSM_HOOK), tracefs)
    return Targets(
        _FUNCTIONS[0], None, None, tracefs, f"the kernel's BTF has none of {', '.join(_FUNCTIONS)}"
    )


class Method(t.NamedTuple):
    """One way to attach a program.

    ``since``: for the reason only. ``program``: the program type. ``needs``: the capabilities beyond those of the type.
    ``missing``: the reason where the source to attach to does not exist.
    """

    since: str
    program: str
    attach: t.Callable[[Bpf, Host, Targets], Attempt]
    needs: tuple[int, ...] = (CAP_PERFMON,)
    missing: str = ""

    @property
    def by_event(self) -> bool:
        """Whether the program is attached to a perf event, from a PMU or from tracefs."""
        return self.missing == _TRACEFS or "event_source" in self.missing


def _to_own_file(attach: t.Callable[[Bpf, Host, str, int], Attempt], bpf: Bpf, host: Host) -> Attempt:
    """Attach to a memory file that no process executes, so that the probe never runs."""
    fd = os.memfd_create("gofleet_probe", os.MFD_CLOEXEC)
    try:
        os.write(fd, b"\x90" * 64)
        return attach(bpf, host, f"/proc/self/fd/{fd}", 0)
    finally:
        os.close(fd)


_PMU = "no /sys/bus/event_source/devices/{}: built without CONFIG_{}, or sysfs is not mounted"
_TRACEFS = "no tracefs"
METHODS: dict[str, Method] = {
    "kprobe_perf": Method(
        "4.17",
        "kprobe",
        lambda bpf, host, to: attach_kprobe_perf(bpf, host, to.function),
        missing=_PMU.format("kprobe", "KPROBE_EVENTS"),
    ),
    "kprobe_tracefs": Method(
        "4.1",
        "kprobe",
        lambda bpf, host, to: attach_kprobe_tracefs(bpf, host, to.function, tracefs=to.tracefs or ""),
        missing=_TRACEFS,
    ),
    "kprobe_multi": Method(
        "5.18", "kprobe", lambda bpf, host, to: attach_kprobe_multi(bpf, host, to.function)
    ),
    "fentry": Method("5.5", "tracing", lambda bpf, host, to: attach_fentry(bpf, host, to.fentry or 0)),
    "raw_tracepoint": Method(
        "4.17",
        "raw_tracepoint",
        lambda bpf, host, to: attach_raw_tracepoint(bpf, host, _TRACEPOINT.split("/")[1]),
    ),
    "tracepoint": Method(
        "4.7",
        "tracepoint",
        lambda bpf, host, to: attach_tracepoint(bpf, host, _TRACEPOINT, tracefs=to.tracefs or ""),
        missing=_TRACEFS,
    ),
    # CVE-2025-38466: since mid-2025, an uprobe by perf needs CAP_SYS_ADMIN. CAP_PERFMON is not enough.
    "uprobe_perf": Method(
        "4.17",
        "kprobe",
        lambda bpf, host, to: _to_own_file(attach_uprobe_perf, bpf, host),
        needs=(CAP_PERFMON, CAP_SYS_ADMIN),
        missing=_PMU.format("uprobe", "UPROBE_EVENTS"),
    ),
    "uprobe_multi": Method(
        "6.6", "kprobe", lambda bpf, host, to: _to_own_file(attach_uprobe_multi, bpf, host)
    ),
    "cgroup": Method(
        "5.7",
        "cgroup_skb",
        lambda bpf, host, to: attach_cgroup(bpf, host),
        needs=(CAP_NET_ADMIN,),
        missing="no control group of version 2",
    ),
    "tcx": Method("6.6", "sched_cls", lambda bpf, host, to: attach_tcx(bpf, host), needs=(CAP_NET_ADMIN,)),
}


def probe_attach(bpf: Bpf, layers: Layers, targets: Targets) -> dict[str, Verdict]:
    """Probe every method of METHODS."""
    return {name: _probe(bpf, layers, targets, name) for name in METHODS}


def _probe(bpf: Bpf, layers: Layers, targets: Targets, name: str) -> Verdict:
    if layers.bpf.probe.answer != "yes":
        also = layers.perf.fix if METHODS[name].by_event else None
        return layers.bpf._replace(fix=remedy((), [layers.bpf.fix, also]))
    method = METHODS[name]
    if method.program == "tracing" and targets.fentry is None:
        return have_btf(targets)
    if method.missing == _TRACEFS and targets.tracefs is None:
        return have_tracefs(layers.host.root, targets)
    attempt = method.attach(bpf, layers.host, targets)
    if attempt.worked:
        return Verdict(yes("kernel", "attached and detached again"))
    return judge_attempt(attempt, layers=layers, name=name)


def have_tracefs(root: str, targets: Targets) -> Verdict:
    """Probe the running kernel for tracefs (commit 8434dc9340cd, Linux 4.1) and the host for its mount."""
    if targets.tracefs is not None:
        return Verdict(yes("mount", f"mounted at {targets.tracefs}"))
    known = read(root, "proc/filesystems").text
    if known is not None and "tracefs" not in known.split():
        return Verdict(
            no("kernel", "built without tracefs (CONFIG_TRACING)"), "Boot a kernel with CONFIG_TRACING=y."
        )
    return Verdict(
        no("mount", "no tracefs is mounted"), "Mount it: mount -t tracefs tracefs /sys/kernel/tracing."
    )


def have_btf(targets: Targets) -> Verdict:
    """Judge whether find_targets could read the kernel's BTF (commit 341dfcf8d78e, Linux 5.4)."""
    if targets.btf is None:
        return Verdict(yes("kernel", "the kernel's BTF has the target function"))
    return Verdict(no("kernel", targets.btf), "Boot a kernel with CONFIG_DEBUG_INFO_BTF=y.")


def judge_attempt(attempt: Attempt, *, layers: Layers, name: str) -> Verdict:
    """Judge a failed attach with a method of METHODS."""
    number = attempt.outcome.errno
    error = error_name(number)
    judges = {"load": _judge_load, "source": _judge_source, "event": _judge_source, "open": _judge_open}
    verdict = judges.get(attempt.step, _judge_link)(attempt, error, layers, name)
    return verdict or Verdict(unknown("kernel", f"tried, {error} at the step {attempt.step} is inconclusive"))


_REFUSED = (errno.EPERM, errno.EACCES)


def _judge_load(attempt: Attempt, error: str, layers: Layers, name: str) -> Verdict:
    loaded = Loaded(attempt.outcome, attempt.log)
    verdict = judge_load(loaded, layers=layers, name=METHODS[name].program)
    gate = layers.events
    if METHODS[name].by_event and verdict.probe.decided_by == "capability" and gate.probe.answer == "no":
        # Perf events would be refused next, so include that fix.
        return verdict._replace(fix=f"Then: {gate.fix or gate.probe.reason}")
    return verdict


def _judge_source(attempt: Attempt, error: str, layers: Layers, name: str) -> Verdict | None:
    """Judge a failure to read the source of the attach or to write its event."""
    in_tracefs = METHODS[name].missing == _TRACEFS
    if attempt.step == "source" and attempt.outcome.errno == errno.ENOENT:
        return Verdict(no("kernel", f"{error}: {METHODS[name].missing or 'nothing to attach to'}"))
    if attempt.outcome.errno not in _REFUSED or not in_tracefs:
        return None
    # Root owns the files of tracefs and needs no capability where their mode allows access.
    if layers.host.caller.uid != 0 and not layers.host.caller.can(CAP_DAC_OVERRIDE):
        reason = f"{error}: tracefs belongs to root, and the caller lacks CAP_DAC_OVERRIDE"
        lacking = ("CAP_DAC_OVERRIDE", *layers.lacking((CAP_BPF, CAP_PERFMON)))
        return Verdict(no("capability", reason), layers.events.fix, lacking)
    if layers.confidential:
        return locked_down(layers, error, "no access to tracefs")
    return None


def _judge_open(attempt: Attempt, error: str, layers: Layers, name: str) -> Verdict | None:
    if attempt.outcome.errno in (*_REFUSED, errno.ENOSYS) or attempt.outcome.killed:
        return refused_event(layers, error, needs=METHODS[name].needs, kprobe=name.startswith("kprobe"))
    return None


def _judge_link(attempt: Attempt, error: str, layers: Layers, name: str) -> Verdict | None:
    number = attempt.outcome.errno
    if name == "tcx" and number == errno.ENODEV:
        return Verdict(
            yes(
                "kernel",
                "tried on a missing interface, ENODEV, which only a kernel with tcx returns",
            )
        )
    if number in (errno.EINVAL, errno.EOPNOTSUPP, ENOTSUPP):
        reason = f"{error}: this kernel is built without it (since Linux {METHODS[name].since})"
        return Verdict(no("kernel", reason))
    if number in _REFUSED:
        return refused_bpf(layers, error, needs=(CAP_BPF, *METHODS[name].needs))
    return None
