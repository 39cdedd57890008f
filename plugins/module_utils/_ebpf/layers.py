# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The layers between a caller and BPF, told apart by calls that only the kernel itself can answer."""

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
_WITHOUT_EVENTS = (
    "attach by fentry, kprobe.multi, uprobe.multi or raw tracepoints, which do without perf events"
)

UNLOCK = (
    "Boot without lockdown= and, if that is what sets it, without Secure Boot; it cannot be lowered before."
)

# What no kernel has: it answers EINVAL before it looks at anything else.
_NO_COMMAND = 0x7FFF
_NO_FLAG = 1 << 30
# A software event that counts nothing, of this process alone and not in the kernel: free to all up to paranoid 2.
_PERF_TYPE_SOFTWARE = 1
_PERF_COUNT_SW_DUMMY = 9
_EXCLUDE_KERNEL_AND_HV = 1 << 5 | 1 << 6


ENOTSUPP = 524  # include/linux/errno.h; has no name outside of the kernel


def error_name(number: int) -> str:
    """The name of an error number, as the kernel's sources have it."""
    own = {ENOTSUPP: "ENOTSUPP", errno.EOPNOTSUPP: "EOPNOTSUPP"}
    return own.get(number) or errno.errorcode.get(number, str(number))


class Verdict(t.NamedTuple):
    """An answer, and what would make it a yes: ``lacking``, capabilities to grant, and ``fix``, a sentence."""

    probe: Probe
    fix: str | None = None
    lacking: tuple[str, ...] = ()

    def report(self) -> dict[str, t.Any]:
        """The shape that the module returns."""
        return {**self.probe.report(), "fix": remedy(self.lacking, [self.fix])}


def remedy(lacking: t.Sequence[str], fixes: t.Iterable[str | None]) -> str | None:
    """What to grant in one sentence, and the other sentences, each once."""
    sentences = [fix for fix in dict.fromkeys(fixes) if fix]
    if lacking:
        names = " ".join(dict.fromkeys(lacking))
        sentences.insert(0, f"Add {names} to AmbientCapabilities= and CapabilityBoundingSet= of the unit.")
    return " ".join(sentences) or None


class Layers(t.NamedTuple):
    """What the caller meets on the way. ``bpf`` and ``perf``: whether the call reaches the kernel at all;
    ``events``: whether the caller may open even the most harmless perf event."""

    host: Host
    bpf: Verdict
    perf: Verdict
    events: Verdict
    lockdown: str | None
    unprivileged_disabled: int | None

    def lacking(self, needs: t.Iterable[int]) -> list[str]:
        """The capabilities of these that the caller has neither itself nor by CAP_SYS_ADMIN."""
        caller = self.host.caller
        return [CAPABILITIES[number] for number in needs if not caller.can(number, CAP_SYS_ADMIN)]

    @property
    def confidential(self) -> bool:
        """Whether the kernel hides its memory from the superuser."""
        return self.lockdown == "confidentiality"

    @property
    def locked(self) -> bool:
        """Whether the kernel is locked down at all."""
        return self.lockdown in ("integrity", "confidentiality")


def read_layers(host: Host) -> Layers:
    """Ask for what no kernel has and for what every kernel gives, to learn who answers."""
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
    """Whether the kernel itself answered a call that it must find invalid."""
    if outcome.killed:
        return Verdict(no("seccomp", f"a seccomp filter kills whoever calls {call} (SIGSYS)"), _allow(call))
    if outcome.errno == errno.EINVAL:
        return Verdict(yes("kernel", "the kernel answers"))
    name = error_name(outcome.errno)
    if host.caller.filtered and outcome.errno in (errno.EPERM, errno.EACCES, errno.ENOSYS):
        return Verdict(no("seccomp", f"{name}: a seccomp filter refuses {call}"), _allow(call))
    if outcome.errno == errno.ENOSYS:
        return Verdict(no("kernel", f"ENOSYS: this kernel is built without {call}"), None)
    if outcome.errno in (errno.EPERM, errno.EACCES):
        return Verdict(_by_module(host, f"{name} from {call}, whatever it is asked"))
    return Verdict(unknown("kernel", f"{name} from {call}, asked for what no kernel has"))


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
        return Verdict(unknown("kernel", f"tried to open a perf event, {name} does not tell"))
    # Above 2 the kernel as released refuses nothing more. Those of Debian (3) and Ubuntu (4) refuse every event.
    if paranoid is not None and paranoid > 2 and not host.caller.can(CAP_SYS_ADMIN):
        holder = (
            "CAP_PERFMON is not enough" if host.caller.can(CAP_PERFMON) else "CAP_PERFMON would not be enough"
        )
        reason = (
            f"{name}: {_PARANOID} is {paranoid}, which leaves perf events to CAP_SYS_ADMIN alone; {holder}"
        )
        fix = f"Set {_PARANOID} to 2, or grant CAP_SYS_ADMIN, or {_WITHOUT_EVENTS}."
        return Verdict(no("sysctl", reason), fix)
    return Verdict(_by_module(host, f"{name} for any perf event"))


def refused_bpf(layers: Layers, name: str, *, needs: t.Sequence[int], unprivileged: bool = False) -> Verdict:
    """Who answered with this error to a bpf(2) that asks for these capabilities.

    :param unprivileged: none of them is needed as long as kernel.unprivileged_bpf_disabled is 0
    """
    if layers.bpf.probe.answer != "yes":
        return layers.bpf
    lacking = layers.lacking(needs)
    setting = layers.unprivileged_disabled
    if not lacking:
        return Verdict(_by_module(layers.host, name))
    closed = f"{_UNPRIVILEGED} is {setting}" if setting and "CAP_BPF" in lacking else ""
    if unprivileged and closed:
        return _lacks(
            layers,
            Probe("no", "sysctl", f"{name}: {closed} and the caller lacks CAP_BPF"),
            lacking,
            f"({_UNPRIVILEGED}=0 would allow it to everybody.)",
        )
    also = f" ({closed}, too)" if closed else ""
    return _lacks(layers, no("capability", f"{name}: {_who_lacks(layers, lacking)}{also}"), lacking)


def refused_event(
    layers: Layers, name: str, *, needs: t.Sequence[int] = (CAP_PERFMON,), kprobe: bool
) -> Verdict:
    """Who answered with this error to a perf_event_open(2) for a probe.

    :param kprobe: the event is in the kernel, which confidentiality hides
    """
    for gate in (layers.perf, layers.events):
        if gate.probe.answer != "yes":
            return gate
    lacking = layers.lacking(needs)
    if lacking:
        return _lacks(layers, no("capability", f"{name}: {_who_lacks(layers, lacking)}"), lacking)
    if kprobe and layers.confidential:
        return locked_down(layers, name, "no probe on a kernel function by perf or tracefs")
    return Verdict(_by_module(layers.host, name))


def locked_down(layers: Layers, name: str, consequence: str) -> Verdict:
    """The kernel is locked down, so this is refused to everybody."""
    reason = f"{name}: the kernel is locked down ({layers.lockdown}): {consequence}"
    return Verdict(no("lockdown", reason), UNLOCK)


def _who_lacks(layers: Layers, lacking: list[str]) -> str:
    names = " and ".join(lacking)
    if layers.host.caller.namespaced:
        return f"the caller is in a user namespace, where {names} does not reach the host"
    return f"the caller lacks {names}"


def _lacks(layers: Layers, probe: Probe, lacking: list[str], fix: str | None = None) -> Verdict:
    if layers.host.caller.namespaced:
        return Verdict(
            probe, "Run it outside of a user namespace: PrivateUsers=no in a unit, no rootless container."
        )
    return Verdict(probe, fix, tuple(lacking))


def _by_module(host: Host, name: str) -> Probe:
    """No setting and no capability explains it: what is left are filters and security modules."""
    if host.caller.confined:
        other = " or a seccomp filter" if host.caller.filtered else ""
        return no(
            "apparmor", f"{name}: the AppArmor profile {host.caller.apparmor}{other}; see its audit lines"
        )
    if host.caller.filtered:
        return no("seccomp", f"{name}: a seccomp filter, by the arguments of the call, or a security module")
    return no(
        "kernel",
        f"{name}, though no setting and no capability explains it: a security module, or before Linux 5.11 the "
        "limit of locked memory",
    )
