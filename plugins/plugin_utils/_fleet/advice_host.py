# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Advice about the host itself: whether it answers, its sysctl values, and eBPF."""

from __future__ import annotations

import posixpath
import re
import typing as t

from .advice_form import Advice, Advised

__all__ = ["KERNEL_TUNING_PATH", "advise_host"]

Facts = t.Mapping[str, t.Any]

# The default of the role kernel_tuning. A file of a name that sorts after it wins over it at boot.
KERNEL_TUNING_PATH = "/etc/sysctl.d/60-gofleet.conf"
_BACKLOG = 4096  # what Go asks for when it listens, where the kernel lets it

# Settings that protect the host. True: a higher value is stricter; False: a lower one.
_STRICTER_IF_HIGHER = {
    "kernel.apparmor_restrict_unprivileged_io_uring": True,
    "kernel.apparmor_restrict_unprivileged_unconfined": True,
    "kernel.apparmor_restrict_unprivileged_userns": True,
    "kernel.dmesg_restrict": True,
    "kernel.io_uring_disabled": True,
    "kernel.kptr_restrict": True,
    "kernel.perf_event_paranoid": True,
    "kernel.unprivileged_bpf_disabled": True,
    "kernel.unprivileged_userns_clone": False,
    "kernel.yama.ptrace_scope": True,
    "user.max_user_namespaces": False,
    "vm.unprivileged_userfaultfd": False,
}
# Words of a fix that takes a protection away from every program of the host.
_LOOSENS = re.compile(
    r"paranoid|unprivileged|lockdown|kptr|userns|CAP_SYS_ADMIN|io_uring_disabled|unconfined", re.I
)


def advise_host(facts: Facts) -> t.Iterator[Advised]:
    """What is to be done on this host, apart from its Go programs."""
    if facts["state"] == "unreachable":
        yield _UNREACHABLE, ""
    for problem in facts["problems"]:
        if facts["state"] != "unreachable":
            yield _failed(problem["module"]), problem["message"]
    for entry in facts["overridden"]:
        yield _at_boot(entry), ""
    backlog = facts["sysctl"].get("net.core.somaxconn")
    if backlog is not None and str(backlog).isdigit() and int(backlog) < _BACKLOG:
        yield _SHORT_BACKLOG, f"net.core.somaxconn is {backlog}"
    clock = facts["capabilities"].get("kernel/fast_clock")
    if clock is not None and clock["answer"] == "no":
        yield _SLOW_CLOCK, clock["reason"]
    for finding in facts["ebpf"]["findings"]:
        yield _leftover(finding["kind"]), f"{finding['name'] or finding['object']}: {finding['remedy']}"
    for profile, fix in facts["fixes"].items():
        yield _profile(profile, fix, facts), profile


_UNREACHABLE = Advice(
    severity="now",
    title="Hosts that could not be reached",
    why="Nothing is known of them, so whatever is wrong there is not on this page.",
    action="Find out why SSH fails, then probe them again.",
    set="ansible-playbook gofleet.hosts.probe -e probe_hosts=HOSTS",
)
_SHORT_BACKLOG = Advice(
    severity="soon",
    title="Listeners queue fewer connections than Go asks for",
    why=f"Go asks for {_BACKLOG}; a full queue drops connections while a service restarts.",
    action="Use the profile for hosts that answer many connections.",
    set="kernel_tuning_profiles: [network_server]",
)

_SLOW_CLOCK = Advice(
    severity="soon",
    title="Reading the time takes a system call",
    why="Go reads the clock at every timer and log line; with another clock source it costs a fraction.",
    action="See why the kernel left its fast clock source. A boot brings it back where it was only a bad moment.",
    set="journalctl --dmesg --grep clocksource",
)


def _failed(module: str) -> Advice:
    return Advice(
        severity="now",
        title=f"{module} failed",
        why="What it would have told is missing from this page.",
        action="Read its message, then run it by itself on one of these hosts.",
        set=f"ansible HOST --become -m gofleet.hosts.{module}",
    )


def _at_boot(entry: t.Mapping[str, t.Any]) -> Advice:
    """Keep what is live, unless that is the weaker of the two: then keep what the boot will bring."""
    key, live, boot = entry["key"], entry["live"], entry["boot"]
    value, caution = live, ""
    protects = _stricter(key, live, boot)
    if protects is False:
        value = boot
        caution = f"The live value {live} protects less than {boot}. Keep it by hand only if a tool needs it."
    elif key in _STRICTER_IF_HIGHER and protects is None:
        caution = "This key protects the host; see which of the two values is the stricter one."
    says = f"{entry['wins']} says so" if entry["wins"] else "no file keeps it"
    return Advice(
        severity="now" if protects else "soon",
        title=f"{key} is {live} now, and {boot or 'the default of the kernel'} after the next boot",
        why=f"{says[0].upper()}{says[1:]}: "
        + (
            "the host loses a protection when it boots."
            if protects
            else "what was measured today is not what runs after the boot."
        ),
        action=_where_to_set(entry["wins"]),
        set=f'kernel_tuning_settings:\n  - {{name: {key}, value: "{value}", rule: exactly}}'
        + _path_to_set(entry["wins"]),
        caution=caution,
    )


def _stricter(key: str, live: str | None, boot: str | None) -> bool | None:
    """Whether the live value protects more than the one at boot. None: no protection, or no numbers."""
    try:
        difference = int(live or "") - int(boot or "")
    except ValueError:
        return None
    if key not in _STRICTER_IF_HIGHER or not difference:
        return None
    return (difference > 0) == _STRICTER_IF_HIGHER[key]


def _wins_over_ours(path: str | None) -> bool:
    return bool(path) and posixpath.basename(str(path)) > posixpath.basename(KERNEL_TUNING_PATH)


def _where_to_set(wins: str | None) -> str:
    if _wins_over_ours(wins):
        return f"If the live value is the right one, take the line out of {wins}, or write a file that sorts after it."
    return "If the live value is the right one, keep it with the role kernel_tuning."


def _path_to_set(wins: str | None) -> str:
    if not _wins_over_ours(wins):
        return ""
    stem = posixpath.basename(str(wins))
    return f"\nkernel_tuning_path: /etc/sysctl.d/{'zz-gofleet' if stem >= '99' else '99-zz-gofleet'}.conf"


def _leftover(kind: str) -> Advice:
    names = {
        "orphan_pin": "pins that no process uses",
        "orphan_link": "links without an owner",
        "unattached_program": "programs that are loaded and attached to nothing",
        "stale_event": "tracefs events that outlived their maker",
        "growth": "objects that keep growing in number",
    }
    return Advice(
        severity="soon",
        title=f"eBPF: {names.get(kind, kind)}",
        why="They hold kernel memory and may still run at every event, and nobody looks after them.",
        action="Do what stands beside each name, on the host that has it.",
    )


def _profile(profile: str, fix: str, facts: Facts) -> Advice:
    reason = facts["capabilities"].get(f"profile/{profile}", {}).get("reason", "")
    return Advice(
        severity="later",
        title="eBPF profiles that are not possible",
        why=f"{reason.rstrip('.')}." if reason else "A kernel, a setting or a capability stands against it.",
        action=f"{fix.rstrip('.')}.",
        caution=(
            "This loosens a protection for every program of the host. Do it only where such a tool is to run."
            if _LOOSENS.search(fix)
            else ""
        ),
    )
