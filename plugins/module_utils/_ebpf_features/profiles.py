# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Judge whether a host, or an identity on it, meets the needs of a kind of agent."""

from __future__ import annotations

import typing as t

from .._ebpf.layers import Layers, Verdict, remedy
from .._probe.answer import Probe, no, yes
from .._probe.caller import CAPABILITIES

__all__ = ["PROFILES", "PROFILE_HELPERS", "Found", "Profile", "judge_profile", "judge_profiles"]


class Profile(t.NamedTuple):
    """The needs and the capabilities of a kind of agent.

    ``needs``: ``kind name``, or ``kind name|name`` where one of several is enough.
    """

    needs: tuple[str, ...]
    capabilities: tuple[str, ...]


# The verdicts that profiles are judged from, by kind and name.
Found = t.Mapping[str, t.Mapping[str, Verdict]]

# The helpers that the profiles need, as program type and name.
PROFILE_HELPERS = (
    ("kprobe", "bpf_probe_read_kernel"),
    ("kprobe", "bpf_probe_read_user"),
    ("kprobe", "bpf_loop"),
    ("kprobe", "bpf_probe_write_user"),
)

_TRACING = ("CAP_BPF", "CAP_PERFMON")
_COUNTS = ("environment btf", "maps percpu_hash|hash")
# The capabilities that OpenTelemetry's agent (OBI) needs for traces. Propagation needs more.
_OBI = (*_TRACING, "CAP_CHECKPOINT_RESTORE", "CAP_DAC_READ_SEARCH", "CAP_NET_RAW", "CAP_SYS_PTRACE")
_OBI_TRACES = (
    "environment btf",
    "environment tracefs",
    "maps ringbuf",
    "programs socket_filter",
    "helpers bpf_probe_read_kernel",
    "helpers bpf_probe_read_user",
    "attach kprobe_perf|kprobe_tracefs",
    "attach uprobe_multi|uprobe_perf",
)
PROFILES: dict[str, Profile] = {
    "kprobe_metrics": Profile(
        (*_COUNTS, "helpers bpf_probe_read_kernel", "attach kprobe_perf|kprobe_tracefs"), _TRACING
    ),
    "kprobe_multi_metrics": Profile(
        (*_COUNTS, "helpers bpf_probe_read_kernel", "attach kprobe_multi"), _TRACING
    ),
    "fentry_metrics": Profile((*_COUNTS, "attach fentry"), _TRACING),
    "tracepoint_metrics": Profile((*_COUNTS, "attach raw_tracepoint"), _TRACING),
    "uprobe_traces": Profile(
        ("maps ringbuf|perf_event_array", "helpers bpf_probe_read_user", "attach uprobe_multi|uprobe_perf"),
        _TRACING,
    ),
    "network_metrics": Profile(
        ("maps hash", "programs sched_cls", "programs xdp", "attach cgroup|tcx"), ("CAP_BPF", "CAP_NET_ADMIN")
    ),
    "obi_traces": Profile(_OBI_TRACES, _OBI),
    # OBI writes request headers with traffic control and socket programs.
    "obi_context_propagation": Profile(
        (
            *_OBI_TRACES,
            "helpers bpf_loop",
            "programs sched_cls",
            "programs sock_ops",
            "programs sk_msg",
            "maps sockhash",
        ),
        (*_OBI, "CAP_NET_ADMIN"),
    ),
    # OBI writes request headers into the memory of a Go program.
    "obi_go_propagation": Profile(
        (*_OBI_TRACES, "helpers bpf_loop", "helpers bpf_probe_write_user"), (*_OBI, "CAP_SYS_ADMIN")
    ),
}


def judge_profiles(found: Found, layers: Layers) -> dict[str, dict[str, t.Any]]:
    """Judge all profiles and return the dictionary that the module returns."""
    return {
        name: {
            **judge_profile(profile, found, layers).report(),
            "needs": list(profile.needs),
            "capabilities": list(profile.capabilities),
        }
        for name, profile in PROFILES.items()
    }


def judge_profile(profile: Profile, found: Found, layers: Layers) -> Verdict:
    """Judge one profile. The reason names every need that is not met, and the one that is hardest to meet decides."""
    failed = _failed_needs(profile, found)
    caller = layers.host.caller
    lacking = [name for name in profile.capabilities if not caller.can(CAPABILITIES.index(name))]
    lacking = [name for name in lacking if name not in _IN_SYS_ADMIN or not caller.can(_SYS_ADMIN)]
    if lacking:
        # Includes capabilities that no probe needs, such as CAP_SYS_PTRACE.
        reason = f"the caller lacks {', '.join(lacking)}"
        failed.append(("capabilities", Verdict(no("capability", reason), None, tuple(lacking))))
    if not failed:
        return Verdict(yes("kernel", "everything it needs was tried and works"))
    failed.sort(key=lambda need: _rank(need[1]))
    first = failed[0][1].probe
    verdicts = [verdict for dummy, verdict in failed]
    granted = sorted({name for verdict in verdicts for name in verdict.lacking}, key=CAPABILITIES.index)
    fix = remedy(granted, [verdict.fix for verdict in verdicts])
    return Verdict(Probe(first.answer, first.decided_by, _reasons(failed)), fix)


_SYS_ADMIN = CAPABILITIES.index("CAP_SYS_ADMIN")
# CAP_SYS_ADMIN includes these.
_IN_SYS_ADMIN = ("CAP_BPF", "CAP_PERFMON", "CAP_CHECKPOINT_RESTORE", "CAP_NET_ADMIN")
# The hardest to change first.
_LAYERS = ("kernel", "lockdown", "mount", "apparmor", "seccomp", "sysctl", "capability")


def _rank(verdict: Verdict) -> tuple[bool, bool, int]:
    """Return a sort key. No comes before unknown, and needs that capabilities do not meet come first."""
    layer = verdict.probe.decided_by
    rank = _LAYERS.index(layer) if layer in _LAYERS else len(_LAYERS)
    return verdict.probe.answer != "no", bool(verdict.lacking), -rank if verdict.lacking else rank


def _reasons(failed: list[tuple[str, Verdict]]) -> str:
    by_reason: dict[str, list[str]] = {}
    for need, verdict in failed:
        by_reason.setdefault(verdict.probe.reason, []).append(need)
    return "; ".join(f"{', '.join(needs)}: {reason}" for reason, needs in by_reason.items())


def _failed_needs(profile: Profile, found: Found) -> list[tuple[str, Verdict]]:
    failed = []
    for need in profile.needs:
        kind, dummy, names = need.partition(" ")
        verdicts = [found[kind][name] for name in names.split("|")]
        if not any(verdict.probe.answer == "yes" for verdict in verdicts):
            # Name an alternative that has a fix, if there is one.
            verdicts.sort(key=lambda verdict: verdict.fix is None)
            failed.append((names.replace("|", " or "), verdicts[0]))
    return failed
