# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.layers import Verdict
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.attach_methods import METHODS
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.helpers import HELPERS
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.maps import MAPS
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.profiles import (
    PROFILE_HELPERS,
    PROFILES,
    Found,
    judge_profile,
    judge_profiles,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.programs import PROGRAMS
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.answer import no, unknown, yes
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.caller import (
    CAP_BPF,
    CAP_PERFMON,
    CAPABILITIES,
    Caller,
)

from .._probe.stand_in import ROOT
from .stand_in_ebpf import Kernel, with_capabilities

AGENT = with_capabilities(CAP_BPF, CAP_PERFMON)
YES = Verdict(yes("kernel", "works"))
PARANOID = Verdict(no("sysctl", "paranoid is 3"), "Set it to 2.")
UNABLE = Verdict(no("capability", "lacks CAP_PERFMON"), None, ("CAP_PERFMON",))
ABSENT = Verdict(no("kernel", "built without it"))
UNSURE = Verdict(unknown("kernel", "inconclusive"))


def found(**changes: Verdict) -> Found:
    """Return verdicts that are all yes, except the given ones."""
    names = {
        "programs": PROGRAMS,
        "maps": MAPS,
        "attach": METHODS,
        "helpers": [name for dummy, name in PROFILE_HELPERS],
        "environment": ["btf", "tracefs"],
    }
    return {kind: {name: changes.get(name, YES) for name in entries} for kind, entries in names.items()}


@pytest.mark.parametrize("name", PROFILES)
def test_every_need_exists_and_root_meets_it(name: str) -> None:
    verdict = judge_profile(PROFILES[name], found(), Kernel().layers(caller=ROOT))
    assert verdict == Verdict(yes("kernel", "everything it needs was tried and works"))
    assert set(PROFILES[name].capabilities) <= set(CAPABILITIES)


def test_the_probed_helpers_are_those_that_profiles_need() -> None:
    requested = {name for dummy, name in PROFILE_HELPERS}
    needs = {need for profile in PROFILES.values() for need in profile.needs if need.startswith("helpers ")}
    assert {need.split(" ")[1] for need in needs} == requested
    assert requested <= set(HELPERS)


@pytest.mark.parametrize(
    ("profile", "caller", "changes", "answer", "decided_by", "fix"),
    [
        ("kprobe_metrics", AGENT, {"kprobe_perf": PARANOID}, "yes", "kernel", None),
        (
            "kprobe_metrics",
            AGENT,
            {"kprobe_perf": PARANOID, "kprobe_tracefs": ABSENT},
            "no",
            "sysctl",
            "Set it to 2.",
        ),
        (
            "fentry_metrics",
            AGENT,
            {"kprobe_perf": PARANOID, "kprobe_tracefs": PARANOID},
            "yes",
            "kernel",
            None,
        ),
        (
            "fentry_metrics",
            with_capabilities(CAP_BPF),
            {"fentry": UNABLE},
            "no",
            "capability",
            "Add CAP_PERFMON to AmbientCapabilities= and CapabilityBoundingSet= of the unit.",
        ),
        ("fentry_metrics", AGENT, {"btf": ABSENT}, "no", "kernel", None),
        ("fentry_metrics", AGENT, {"fentry": UNSURE}, "unknown", "kernel", None),
        ("fentry_metrics", AGENT, {"fentry": UNSURE, "btf": ABSENT}, "no", "kernel", None),
        (
            "obi_traces",
            AGENT,
            {"kprobe_perf": PARANOID, "kprobe_tracefs": PARANOID},
            "no",
            "sysctl",
            "Add CAP_DAC_READ_SEARCH CAP_NET_RAW CAP_SYS_PTRACE CAP_CHECKPOINT_RESTORE to AmbientCapabilities= and "
            "CapabilityBoundingSet= of the unit. Set it to 2.",
        ),
    ],
)
def test_a_profile_is_judged(
    *,
    profile: str,
    caller: Caller,
    changes: dict[str, Verdict],
    answer: str,
    decided_by: str,
    fix: str | None,
) -> None:
    verdict = judge_profile(PROFILES[profile], found(**changes), Kernel().layers(caller=caller))
    assert (verdict.probe.answer, verdict.probe.decided_by) == (answer, decided_by)
    assert verdict.report()["fix"] == fix


def test_the_same_reason_is_given_once() -> None:
    changes = dict.fromkeys(("bpf_probe_read_kernel", "kprobe_multi"), UNABLE)
    layers = Kernel().layers(caller=with_capabilities(CAP_BPF))
    reason = judge_profile(PROFILES["kprobe_multi_metrics"], found(**changes), layers).probe.reason
    assert reason.startswith("bpf_probe_read_kernel, kprobe_multi: lacks CAP_PERFMON;")


def test_the_result_has_needs_and_capabilities() -> None:
    result = judge_profiles(found(), Kernel().layers())
    assert list(result) == list(PROFILES)
    assert set(result["fentry_metrics"]) == {"answer", "decided_by", "reason", "fix", "needs", "capabilities"}
    assert result["fentry_metrics"]["needs"] == ["environment btf", "maps percpu_hash|hash", "attach fentry"]
