# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Probe everything that ebpf_info returns."""

from __future__ import annotations

import typing as t

from .._ebpf.bpf import Bpf
from .._ebpf.layers import UNLOCK, Layers, Verdict, read_layers
from .._errors import HostError
from .._probe.answer import Probe, unknown, yes
from .._probe.host import Host, this_host
from .._probe.identity import IDENTITY_OPTIONS, IDENTITY_SPEC, Identity, identity_of, run_as
from .._probe.syscall import HostSyscalls
from .._run import Runner
from .attach_methods import Targets, find_targets, have_btf, have_tracefs, probe_attach
from .environment import find_tracefs, read_environment
from .helpers import DEFAULT_TYPES, LOUD, probe_helper, probe_helpers, write_user_refusal
from .maps import probe_maps
from .profiles import PROFILE_HELPERS, PROFILES, judge_profiles
from .programs import PROGRAMS, probe_programs

__all__ = ["ARGUMENTS", "SUBSETS", "query", "read_ebpf", "require"]

SUBSETS = ("environment", "programs", "maps", "helpers", "attach", "profiles")

ARGUMENTS: dict[str, t.Any] = {
    "subsets": {
        "type": "list",
        "elements": "str",
        "choices": list(SUBSETS),
        "default": [subset for subset in SUBSETS if subset != "helpers"],
    },
    "identity": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"name": {"type": "str", "required": True}, **IDENTITY_OPTIONS},
        "mutually_exclusive": IDENTITY_SPEC["mutually_exclusive"],
    },
    "require": {"type": "list", "elements": "str", "choices": list(PROFILES), "default": []},
    "helper_types": {
        "type": "list",
        "elements": "str",
        "choices": list(PROGRAMS),
        "default": list(DEFAULT_TYPES),
    },
    "full": {"type": "bool", "default": False},
}


def query(
    *,
    subsets: t.Sequence[str],
    helper_types: t.Sequence[str] = (),
    loud: bool = False,
    targets: t.Mapping[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    """Return the answers for the identity of this process. Arguments and result are JSON values.

    :param subsets: names of SUBSETS
    :param helper_types: program types to probe every helper in
    :param loud: also probe the helpers of LOUD, which write to the kernel log or enable a trace event
    :param targets: the targets that an earlier call returned. Finding them takes half of the time.
    """
    host = this_host()
    layers = read_layers(host)
    bpf = Bpf(_without_guard(host, layers))
    found_targets = (
        Targets(**targets) if targets else find_targets(host.root, tracefs=find_tracefs(host.root))
    )
    result: dict[str, t.Any] = {"caller": host.caller.report(), "targets": found_targets._asdict()}
    if "environment" in subsets:
        result["values"] = read_environment(host.root)
    answers = _answers(bpf, layers, found_targets, subsets)
    for subset, verdicts in answers.items():
        if subset in subsets:
            result[subset] = {name: verdict.report() for name, verdict in verdicts.items()}
    if "profiles" in subsets:
        environment = {"btf": have_btf(found_targets), "tracefs": have_tracefs(host.root, found_targets)}
        helpers = _profile_helpers(bpf, layers, answers["programs"]["kprobe"], loud=loud)
        found = {**answers, "helpers": helpers, "environment": environment}
        result["profiles"] = judge_profiles(found, layers)
    if "helpers" in subsets:
        by_type = probe_helpers(bpf, layers, types=helper_types, targets=found_targets.by_type, loud=loud)
        result["helpers"] = {
            kind: {name: answer.report() for name, answer in helpers.items()}
            for kind, helpers in by_type.items()
        }
    return result


def _without_guard(host: Host, layers: Layers) -> Host:
    """Return the host without a child process for each call, if bpf(2) passes the filter.

    A filter that kills does so by the number of the call, so further calls pass too.
    """
    if host.caller.filtered and layers.bpf.probe.answer == "yes":
        return host._replace(syscalls=HostSyscalls(guarded=False))
    return host


def _answers(
    bpf: Bpf, layers: Layers, targets: Targets, subsets: t.Sequence[str]
) -> dict[str, dict[str, Verdict]]:
    """Probe the requested subsets, and those that the profiles need."""
    answers: dict[str, dict[str, Verdict]] = {}
    if "profiles" in subsets or "programs" in subsets:
        answers["programs"] = probe_programs(bpf, layers)
    if "profiles" in subsets or "maps" in subsets:
        answers["maps"] = probe_maps(bpf, layers)
    if "profiles" in subsets or "attach" in subsets:
        answers["attach"] = probe_attach(bpf, layers, targets)
    return answers


def _profile_helpers(bpf: Bpf, layers: Layers, program: Verdict, *, loud: bool) -> dict[str, Verdict]:
    if program.probe.answer != "yes":
        return {name: program for dummy, name in PROFILE_HELPERS}
    answers = {}
    for kind, name in PROFILE_HELPERS:
        if name in LOUD and not loud:
            answers[name] = judge_write_user(layers)
            continue
        answer = probe_helper(bpf, layers, kind=kind, name=name)
        answers[name] = Verdict(answer or _NO_LOG, _helper_fix(answer))
    return answers


_NO_LOG = unknown("kernel", "tried, the verifier wrote no log")


def judge_write_user(layers: Layers) -> Verdict:
    """Judge bpf_probe_write_user from its requirements, because trying it writes a warning to the kernel log."""
    refused = write_user_refusal(layers)
    if refused is not None:
        lacking = ("CAP_SYS_ADMIN",) if refused.decided_by == "capability" else ()
        return Verdict(refused, _helper_fix(refused), lacking)
    return Verdict(
        yes(
            "kernel",
            "not tried, because trying logs a kernel warning: no lockdown, and the caller has CAP_SYS_ADMIN",
        )
    )


def _helper_fix(answer: Probe | None) -> str | None:
    return UNLOCK if answer is not None and answer.decided_by == "lockdown" else None


def read_ebpf(params: t.Mapping[str, t.Any], *, run: Runner) -> dict[str, t.Any]:
    """Return the return values of ebpf_info for the module's own process and for every identity.

    :param params: the parameters of the module
    """
    subsets = list(params["subsets"] or SUBSETS)
    if params["require"] and "profiles" not in subsets:
        subsets.append("profiles")
    result = query(subsets=subsets, helper_types=params["helper_types"], loud=params["full"])
    targets = result.pop("targets")
    result["identities"] = {}
    # The other subsets do not depend on the identity.
    by_identity = [subset for subset in subsets if subset in ("programs", "maps", "attach", "profiles")]
    for entry in params["identity"]:
        answers = run_as(
            _identity(entry),
            run=run,
            function="_ebpf_features.info:query",
            arguments={"subsets": by_identity, "loud": params["full"], "targets": targets},
        )
        answers.pop("targets")
        result["identities"][entry["name"]] = answers
    require(result, params["require"])
    return result


def _identity(entry: t.Mapping[str, t.Any]) -> Identity:
    return identity_of({name: value for name, value in entry.items() if name != "name"}) or Identity()


def require(result: t.Mapping[str, t.Any], wanted: t.Sequence[str]) -> None:
    """Raise a HostError with the reason and the remedy of each required profile that is not met."""
    who: dict[str, t.Any] = {"the module's own process": result}
    if result["identities"]:
        who = dict(result["identities"])
    missing = [
        (name, holder, answers["profiles"][name])
        for name in wanted
        for holder, answers in who.items()
        if answers["profiles"][name]["answer"] != "yes"
    ]
    if missing:
        raise HostError(
            ", ".join(dict.fromkeys(name for name, dummy, answer in missing)),
            wanted="every required profile",
            found="; ".join(
                f"{name} for {holder}: {answer['answer']} ({answer['decided_by']}): {answer['reason']}"
                for name, holder, answer in missing
            ),
            remedy=" ".join(dict.fromkeys(answer["fix"] or _NO_FIX for dummy, dummy, answer in missing)),
        )


_NO_FIX = "Use another kernel, or an agent that does not need this."
