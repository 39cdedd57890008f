# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features import info
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.caller import CAP_BPF, CAP_PERFMON, Caller
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.identity import Identity

from .._probe.stand_in import NOBODY, ROOT
from .stand_in_ebpf import EACCES, EPERM, KILLED, Kernel, with_capabilities, write

TARGETS = {"function": "ksys_sync", "fentry": 1, "lsm": 2, "tracefs": "/nowhere", "btf": None}
PARAMETERS: dict[str, t.Any] = {
    "subsets": [],
    "identity": [],
    "require": [],
    "helper_types": ["kprobe"],
    "full": False,
}


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> t.Callable[..., None]:
    def place(kernel: Kernel, caller: Caller = ROOT) -> None:
        monkeypatch.setattr(info, "this_host", lambda: kernel.host(root=tmp_path, caller=caller))

    return place


@pytest.mark.parametrize("subset", info.SUBSETS)
def test_each_subset_is_read_alone(on: t.Callable[..., None], subset: str) -> None:
    kernel = Kernel()
    on(kernel)
    result = info.query(subsets=[subset], helper_types=["kprobe"], targets=TARGETS)
    assert set(result) == {"caller", "targets", "values" if subset == "environment" else subset}
    assert json.loads(json.dumps(result)) == result
    assert kernel.left_open() == []


def test_a_host_that_allows_nothing_is_reported(on: t.Callable[..., None]) -> None:
    kernel = Kernel(PROG_LOAD=EPERM, MAP_CREATE=EPERM, BTF_LOAD=EPERM, events=EACCES, perf_event_open=EACCES)
    on(kernel, NOBODY)
    result = info.query(subsets=info.SUBSETS, helper_types=["kprobe"], targets=TARGETS)
    for subset in ("programs", "maps", "attach", "profiles"):
        assert {answer["answer"] for answer in result[subset].values()} == {"no"}, subset
    assert result["helpers"] == {"kprobe": {}}
    assert "CAP_PERFMON" in result["profiles"]["fentry_metrics"]["fix"]


@pytest.mark.parametrize(
    ("lockdown", "caller", "answer", "decided_by"),
    [
        ("[none] integrity", ROOT, "yes", "kernel"),
        ("none [integrity]", ROOT, "no", "lockdown"),
        ("[none] integrity", with_capabilities(CAP_BPF, CAP_PERFMON), "no", "capability"),
    ],
)
def test_write_user_is_not_tried_without_need(
    *,
    on: t.Callable[..., None],
    tmp_path: pathlib.Path,
    lockdown: str,
    caller: Caller,
    answer: str,
    decided_by: str,
) -> None:
    write(tmp_path, "sys/kernel/security/lockdown", lockdown)
    verdict = info.judge_write_user(Kernel().layers(root=tmp_path, caller=caller))
    assert (verdict.probe.answer, verdict.probe.decided_by) == (answer, decided_by)
    assert (verdict.report()["fix"] is None) == (answer == "yes")


def test_the_probe_survives_a_filter_that_kills(on: t.Callable[..., None]) -> None:
    on(Kernel(unknown=KILLED, flags=KILLED), ROOT._replace(seccomp=2))
    result = info.query(subsets=["programs", "attach"], targets=TARGETS)
    assert {answer["decided_by"] for answer in result["programs"].values()} == {"seccomp"}


def refuse(*arguments: object, **more: object) -> t.NoReturn:
    raise AssertionError("nothing to run")


class OtherIdentity:
    """A stand-in for run_as that records its arguments and returns the answers of another kernel."""

    def __init__(self) -> None:
        self.requested: list[tuple[Identity, str, dict[str, t.Any]]] = []

    def __call__(
        self, identity: Identity, *, run: object, function: str, arguments: dict[str, t.Any]
    ) -> t.Any:
        self.requested.append((identity, function, arguments))
        layers = Kernel().layers(caller=with_capabilities(CAP_BPF))
        refused = {"answer": "no", "decided_by": "capability", "reason": "lacks it", "fix": "Grant it."}
        return {
            "targets": arguments["targets"],
            "caller": layers.host.caller.report(),
            "profiles": dict.fromkeys(info.PROFILES, refused),
        }


def test_identities_are_probed_for_what_depends_on_them(
    on: t.Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    on(Kernel())
    other = OtherIdentity()
    monkeypatch.setattr(info, "run_as", other)
    identity = [{"name": "agent", "unit": None, "user": None, "capabilities": ["bpf"], "limit_memlock": None}]
    result = info.read_ebpf({**PARAMETERS, "identity": identity}, run=refuse)
    ((who, function, arguments),) = other.requested
    assert who == Identity(capabilities=("CAP_BPF",))
    assert function == "_ebpf_features.info:query"
    assert arguments["subsets"] == ["programs", "maps", "attach", "profiles"]
    assert json.loads(json.dumps(arguments)) == arguments
    assert "targets" not in result
    assert set(result["identities"]["agent"]) == {"caller", "profiles"}
    ebpf_values = {"values", "programs", "maps", "helpers", "attach", "profiles", "caller", "identities"}
    assert set(result) == ebpf_values
    module, dummy, name = function.partition(":")
    assert callable(getattr(info, name))
    assert info.__name__.endswith(f"module_utils.{module}")


def test_require_names_the_identity_and_the_reason(
    on: t.Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    on(Kernel())
    monkeypatch.setattr(info, "run_as", OtherIdentity())
    requested = {**PARAMETERS, "subsets": ["environment"], "require": ["uprobe_traces"]}
    identity = [{"name": "agent", "capabilities": ["CAP_BPF"]}]
    with pytest.raises(
        HostError, match=r"uprobe_traces for agent: no \(capability\): lacks it. Grant it."
    ) as caught:
        info.read_ebpf({**requested, "identity": identity}, run=refuse)
    assert caught.value.subject == "uprobe_traces"
    result = {"profiles": {"uprobe_traces": {"answer": "yes"}}, "identities": {}}
    info.require(result, ["uprobe_traces"])


def test_this_machine_is_probed() -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    result = info.query(subsets=[subset for subset in info.SUBSETS if subset != "helpers"])
    assert sorted(os.listdir("/proc/self/fd")) == before
    assert all(answer["reason"] for answer in result["programs"].values())
