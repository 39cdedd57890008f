# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Give advice about a host that does not answer, about sysctl values, the clock and eBPF."""

from __future__ import annotations

import posixpath
import re
import typing as t

from .advice_form import Advice, Advised

__all__ = ["KERNEL_TUNING_PATH", "advise_host"]

Facts = t.Mapping[str, t.Any]

# The default of the role kernel_tuning. At boot, files whose names sort after it override it.
KERNEL_TUNING_PATH = "/etc/sysctl.d/60-gofleet.conf"
_BACKLOG = 4096  # the default of net.core.somaxconn since Linux 5.4

# The sysctl keys that protect the host, and whether a higher value protects more than a lower one.
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
# Words in a fix that removes a protection for every program on the host.
_LOOSENS = re.compile(
    r"paranoid|unprivileged|lockdown|kptr|userns|CAP_SYS_ADMIN|io_uring_disabled|unconfined", re.I
)


def advise_host(facts: Facts) -> t.Iterator[Advised]:
    """Yield advice about one host, except about its Go programs, with the subject of each."""
    if facts["state"] == "unreachable":
        yield _UNREACHABLE, ""
    for problem in facts["problems"]:
        if facts["state"] != "unreachable":
            yield _failed(problem["module"]), problem["message"]
    for entry in facts["overridden"]:
        yield _change_at_boot(entry), ""
    backlog = facts["sysctl"].get("net.core.somaxconn")
    if backlog is not None and str(backlog).isdigit() and int(backlog) < _BACKLOG:
        yield _SHORT_BACKLOG, f"net.core.somaxconn is {backlog}"
    clock = facts["capabilities"].get("kernel/fast_clock")
    if clock is not None and clock["answer"] == "no":
        yield _SLOW_CLOCK, clock["reason"]
    for finding in facts["ebpf"]["findings"]:
        yield _ebpf_finding(finding["kind"]), f"{finding['name'] or finding['object']}: {finding['remedy']}"
    for profile, fix in facts["fixes"].items():
        yield _unsupported_profile(profile, fix, facts), profile


_UNREACHABLE = Advice(
    severity="now",
    title="Hosts that could not be reached",
    why="This page says nothing else about them.",
    action="Find out why the connection fails, then probe them again.",
    set="ansible-playbook gofleet.hosts.probe -e probe_hosts=HOSTS",
)
_SHORT_BACKLOG = Advice(
    severity="soon",
    title=f"Listeners queue fewer than {_BACKLOG} connections",
    why="Go makes the queue as long as net.core.somaxconn. While a service restarts, a full queue drops connections.",
    action="Use the profile for servers that accept many connections.",
    set="kernel_tuning_profiles: [network_server]",
)

_SLOW_CLOCK = Advice(
    severity="soon",
    title="Reading the time takes a system call",
    why="Go reads the clock for every timer and log line. A faster clock source needs no system call.",
    action="Find out why the kernel stopped using its fast clock source. If the cause has gone, a reboot restores it.",
    set="journalctl --dmesg --grep clocksource",
)


def _failed(module: str) -> Advice:
    return Advice(
        severity="now",
        title=f"{module} failed",
        why="Its results are missing from this page.",
        action="Read the message, then run the module alone on one of these hosts.",
        set=f"ansible HOST --become -m gofleet.hosts.{module}",
    )


def _change_at_boot(entry: t.Mapping[str, t.Any]) -> Advice:
    """Return advice about a sysctl value that a boot changes.

    It keeps the live value, or the value after the boot where the live value protects less.
    """
    key, live, boot = entry["key"], entry["live"], entry["boot"]
    value, caution = live, ""
    protects_more = _protects_more(key, live, boot)
    if protects_more is False:
        value = boot
        caution = (
            f"The live value {live} protects less than {boot}. Keep the live value only if a tool needs it."
        )
    elif key in _STRICTER_IF_HIGHER and protects_more is None:
        caution = "This key protects the host. Check which of the two values is stricter."
    cause = f"{entry['wins']} sets the value at boot." if entry["wins"] else "No file sets the value at boot."
    return Advice(
        severity="now" if protects_more else "soon",
        title=f"{key} is {live} now and will be {boot or 'the default of the kernel'} after the next boot",
        why=cause
        + (
            " The host loses a protection when it boots."
            if protects_more
            else " What was measured today is not in effect after the boot."
        ),
        action=_where_to_set(entry["wins"]),
        set=f'kernel_tuning_settings:\n  - {{name: {key}, value: "{value}", rule: exactly}}'
        + _path_to_set(entry["wins"]),
        caution=caution,
    )


def _protects_more(key: str, live: str | None, boot: str | None) -> bool | None:
    """Return whether the live value protects more than the value at boot.

    None if the key is not a protection, if the values are equal, or if one of them is not a number.
    """
    try:
        difference = int(live or "") - int(boot or "")
    except ValueError:
        return None
    if key not in _STRICTER_IF_HIGHER or not difference:
        return None
    return (difference > 0) == _STRICTER_IF_HIGHER[key]


def _overrides_ours(path: str | None) -> bool:
    return bool(path) and posixpath.basename(str(path)) > posixpath.basename(KERNEL_TUNING_PATH)


def _where_to_set(wins: str | None) -> str:
    if _overrides_ours(wins):
        return (
            f"If the live value is correct, remove the line from {wins}, or write a file that sorts after it."
        )
    return "If the live value is correct, keep it with the role kernel_tuning."


def _path_to_set(wins: str | None) -> str:
    if not _overrides_ours(wins):
        return ""
    stem = posixpath.basename(str(wins))
    return f"\nkernel_tuning_path: /etc/sysctl.d/{'zz-gofleet' if stem >= '99' else '99-zz-gofleet'}.conf"


def _ebpf_finding(kind: str) -> Advice:
    names = {
        "orphan_pin": "pins that no process uses",
        "orphan_link": "links without an owner",
        "unattached_program": "loaded programs that are not attached",
        "stale_event": "tracefs events whose creator has exited",
        "growth": "objects whose number keeps growing",
    }
    return Advice(
        severity="soon",
        title=f"eBPF: {names.get(kind, kind)}",
        why="They use kernel memory and may run at every event, and no program manages them.",
        action="Follow the instruction after each name, on the host that has it.",
    )


def _unsupported_profile(profile: str, fix: str, facts: Facts) -> Advice:
    reason = facts["capabilities"].get(f"profile/{profile}", {}).get("reason", "")
    return Advice(
        severity="later",
        title="eBPF profiles that a host does not support",
        why=f"{reason.rstrip('.')}."
        if reason
        else "The kernel, a setting or a missing capability prevents it.",
        action=f"{fix.rstrip('.')}.",
        caution=(
            "This loosens a protection for every program on the host. Do it only on hosts that run such a tool."
            if _LOOSENS.search(fix)
            else ""
        ),
    )
