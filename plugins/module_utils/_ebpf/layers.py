# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Find the layer that refuses BPF to a caller, with calls that only the kernel itself can answer."""

from __future__ import annotations

import errno
import typing as t

from .._kernel.lsm import read_lockdown
from .._probe.answer import Probe, no, unknown, yes
from .._probe.caller import CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, CAPABILITIES
from .._probe.files import read_sysctl
from .._probe.host import Host
from .._probe.syscall import Outcome, number_of
from .attach import open_event
from .bpf import opened

__all__ = [
    "ENOTSUPP",
    "UNLOCK",
    "Layers",
    "Verdict",
    "error_name",
    "locked_down",
    "read_layers",
    "refused_bpf",
    "refused_event",
    "remedy",
]

_PARANOID = "kernel.perf_event_paranoid"
_UNPRIVILEGED = "kernel.unprivileged_bpf_disabled"
_WITHOUT_EVENTS = "attach by fentry, kprobe.multi, uprobe.multi or raw tracepoints, which need no perf events"

UNLOCK = "Boot without lockdown=, and without Secure Boot where that sets lockdown. It cannot be lowered at run time."

# No kernel has these, so the kernel returns EINVAL before it checks anything else.
_NO_COMMAND = 0x7FFF
_NO_FLAG = 1 << 30
# A software event that counts nothing, for this process in user space. perf_event_paranoid up to 2 allows it to all.
_PERF_TYPE_SOFTWARE = 1
_PERF_COUNT_SW_DUMMY = 9
_EXCLUDE_KERNEL_AND_HV = 1 << 5 | 1 << 6


ENOTSUPP = 524  # include/linux/errno.h, not defined outside the kernel


def error_name(number: int) -> str:
    """Return the name of an error number as in the kernel sources."""
    names = {ENOTSUPP: "ENOTSUPP", errno.EOPNOTSUPP: "EOPNOTSUPP"}
    return names.get(number) or errno.errorcode.get(number, str(number))


class Verdict(t.NamedTuple):
    """An answer, and what would change it to yes.

    ``fix``: a sentence. ``lacking``: capabilities to grant.
    """

    probe: Probe
    fix: str | None = None
    lacking: tuple[str, ...] = ()

    def report(self) -> dict[str, t.Any]:
        """Return the dictionary that the module returns."""
        return {**self.probe.report(), "fix": remedy(self.lacking, [self.fix])}


def remedy(lacking: t.Sequence[str], fixes: t.Iterable[str | None]) -> str | None:
    """Return one sentence with the capabilities to grant, followed by the other sentences, each once."""
    sentences = [fix for fix in dict.fromkeys(fixes) if fix]
    if lacking:
        names = " ".join(dict.fromkeys(lacking))
        sentences.insert(0, f"Add {names} to AmbientCapabilities= and CapabilityBoundingSet= of the unit.")
    return " ".join(sentences) or None


class Layers(t.NamedTuple):
    """The answers that decide for every BPF probe.

    ``bpf`` and ``perf``: whether the call reaches the kernel. ``events``: whether the caller may open a perf event that
    counts nothing.
    """

    host: Host
    bpf: Verdict
    perf: Verdict
    events: Verdict
    lockdown: str | None
    unprivileged_disabled: int | None

    def lacking(self, needs: t.Iterable[int]) -> list[str]:
        """Return those of the capabilities that the caller lacks. CAP_SYS_ADMIN includes the others."""
        caller = self.host.caller
        return [CAPABILITIES[number] for number in needs if not caller.can(number, CAP_SYS_ADMIN)]

    @property
    def confidential(self) -> bool:
        """Whether lockdown hides kernel memory from root."""
        return self.lockdown == "confidentiality"

    @property
    def locked(self) -> bool:
        """Whether the kernel is locked down."""
        return self.lockdown in ("integrity", "confidentiality")


def read_layers(host: Host) -> Layers:
    """Make calls that every kernel refuses or allows, to find out which layer answers."""
    perf = _perf(host)
    return Layers(
        host=host,
        bpf=_bpf(host),
        perf=perf,
        events=_events(host) if perf.probe.answer == "yes" else perf,
        lockdown=read_lockdown(host.root),
        unprivileged_disabled=read_sysctl(host.root, _UNPRIVILEGED),
    )


def _bpf(host: Host) -> Verdict:
    number = number_of("bpf", machine=host.machine)
    if number is None:
        return Verdict(unknown("kernel", f"the system call number of bpf on {host.machine} is not known"))
    outcome = host.syscalls(number, _NO_COMMAND, bytearray(8), 8)
    setting = read_sysctl(host.root, _UNPRIVILEGED)
    if outcome.errno == errno.EPERM and setting and not host.caller.can(CAP_BPF, CAP_SYS_ADMIN):
        if not host.caller.filtered:
            return Verdict(yes("kernel", "the kernel answers"))
        reason = f"EPERM: a seccomp filter, or (before Linux 5.19) {_UNPRIVILEGED} {setting} without CAP_BPF"
        return Verdict(unknown("seccomp", reason), _allow("bpf"))
    return _reached("bpf", outcome, host)


def _perf(host: Host) -> Verdict:
    number = number_of("perf_event_open", machine=host.machine)
    if number is None:
        return Verdict(
            unknown("kernel", f"the system call number of perf_event_open on {host.machine} is not known")
        )
    return _reached("perf_event_open", host.syscalls(number, bytearray(128), 0, -1, -1, _NO_FLAG), host)


def _reached(call: str, outcome: Outcome, host: Host) -> Verdict:
    """Judge whether the kernel itself answered a call with invalid arguments."""
    if outcome.killed:
        return Verdict(
            no("seccomp", f"a seccomp filter kills the process that calls {call} (SIGSYS)"), _allow(call)
        )
    if outcome.errno == errno.EINVAL:
        return Verdict(yes("kernel", "the kernel answers"))
    name = error_name(outcome.errno)
    if host.caller.filtered and outcome.errno in (errno.EPERM, errno.EACCES, errno.ENOSYS):
        return Verdict(no("seccomp", f"{name}: a seccomp filter refuses {call}"), _allow(call))
    if outcome.errno == errno.ENOSYS:
        return Verdict(no("kernel", f"ENOSYS: this kernel is built without {call}"), None)
    if outcome.errno in (errno.EPERM, errno.EACCES):
        return Verdict(_refused_by_module(host, f"{name} from {call} for any arguments"))
    return Verdict(unknown("kernel", f"{name} from {call} with arguments that no kernel accepts"))


def _allow(call: str) -> str:
    return f"Add {call} to SystemCallFilter= of the unit (or to the seccomp profile of the container)."


def _events(host: Host) -> Verdict:
    outcome = open_event(
        host, _PERF_TYPE_SOFTWARE, config=_PERF_COUNT_SW_DUMMY, pid=0, flags=_EXCLUDE_KERNEL_AND_HV
    )
    for dummy in opened(outcome):
        return Verdict(yes("kernel", "tried, it works"))
    name = error_name(outcome.errno)
    paranoid = read_sysctl(host.root, _PARANOID)
    if outcome.errno not in (errno.EPERM, errno.EACCES):
        return Verdict(unknown("kernel", f"tried to open a perf event, {name} is inconclusive"))
    # Above 2 the upstream kernel refuses nothing more. Kernels of Debian (3) and Ubuntu (4) refuse every event.
    if paranoid is not None and paranoid > 2 and not host.caller.can(CAP_SYS_ADMIN):
        holder = (
            "CAP_PERFMON is not enough" if host.caller.can(CAP_PERFMON) else "CAP_PERFMON would not be enough"
        )
        reason = (
            f"{name}: {_PARANOID} is {paranoid}, which allows perf events only to CAP_SYS_ADMIN; {holder}"
        )
        fix = f"Set {_PARANOID} to 2, or grant CAP_SYS_ADMIN, or {_WITHOUT_EVENTS}."
        return Verdict(no("sysctl", reason), fix)
    return Verdict(_refused_by_module(host, f"{name} for any perf event"))


def refused_bpf(layers: Layers, name: str, *, needs: t.Sequence[int], unprivileged: bool = False) -> Verdict:
    """Judge which layer refused a bpf(2) command.

    :param name: the name of the error number
    :param needs: the capabilities that the command needs
    :param unprivileged: the command needs no capability while kernel.unprivileged_bpf_disabled is 0
    """
    if layers.bpf.probe.answer != "yes":
        return layers.bpf
    lacking = layers.lacking(needs)
    setting = layers.unprivileged_disabled
    if not lacking:
        return Verdict(_refused_by_module(layers.host, name))
    setting_text = f"{_UNPRIVILEGED} is {setting}" if setting and "CAP_BPF" in lacking else ""
    if unprivileged and setting_text:
        return _lacks(
            layers,
            Probe("no", "sysctl", f"{name}: {setting_text} and the caller lacks CAP_BPF"),
            lacking,
            f"({_UNPRIVILEGED}=0 would allow it to every user.)",
        )
    also = f" ({setting_text})" if setting_text else ""
    return _lacks(layers, no("capability", f"{name}: {_who_lacks(layers, lacking)}{also}"), lacking)


def refused_event(
    layers: Layers, name: str, *, needs: t.Sequence[int] = (CAP_PERFMON,), kprobe: bool
) -> Verdict:
    """Judge which layer refused perf_event_open(2) for a kprobe or an uprobe.

    :param name: the name of the error number
    :param needs: the capabilities that the event needs
    :param kprobe: the event is a kprobe, which lockdown (confidentiality) refuses
    """
    for gate in (layers.perf, layers.events):
        if gate.probe.answer != "yes":
            return gate
    lacking = layers.lacking(needs)
    if lacking:
        return _lacks(layers, no("capability", f"{name}: {_who_lacks(layers, lacking)}"), lacking)
    if kprobe and layers.confidential:
        return locked_down(layers, name, "no kprobe by perf or tracefs")
    return Verdict(_refused_by_module(layers.host, name))


def locked_down(layers: Layers, name: str, consequence: str) -> Verdict:
    """Return the verdict for a call that lockdown refuses to every caller."""
    reason = f"{name}: the kernel is locked down ({layers.lockdown}): {consequence}"
    return Verdict(no("lockdown", reason), UNLOCK)


def _who_lacks(layers: Layers, lacking: list[str]) -> str:
    names = " and ".join(lacking)
    if layers.host.caller.namespaced:
        return f"the caller is in a user namespace, where {names} does not apply to the host"
    return f"the caller lacks {names}"


def _lacks(layers: Layers, probe: Probe, lacking: list[str], fix: str | None = None) -> Verdict:
    if layers.host.caller.namespaced:
        return Verdict(
            probe, "Run it outside a user namespace: PrivateUsers=no in a unit, no rootless container."
        )
    return Verdict(probe, fix, tuple(lacking))


def _refused_by_module(host: Host, name: str) -> Probe:
    """Judge a refusal that no setting and no capability explains, which leaves filters and security modules."""
    if host.caller.confined:
        other = " or a seccomp filter" if host.caller.filtered else ""
        return no(
            "apparmor",
            f"{name}: the AppArmor profile {host.caller.apparmor}{other}; see its lines in the audit log",
        )
    if host.caller.filtered:
        return no(
            "seccomp", f"{name}: a seccomp filter that checks the arguments of the call, or a security module"
        )
    return no(
        "kernel",
        f"{name}, and no setting or capability explains it: a security module, or before Linux 5.11 the limit of "
        "locked memory",
    )
