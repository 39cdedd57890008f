# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probe recorded kernels, an empty tree and a tree with damaged files."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.info import SUBSETS, read_kernel
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.host import Host
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed

from .._probe.stand_in import FIXTURES, HOSTS, host

LAYERS = {"kernel", "sysctl", "seccomp", "apparmor", "lockdown", "capability", "memlock"}


def recorded(kernel: str) -> Host:
    return host({"unshare": Outcome(0, 0), "landlock_create_ruleset": Outcome(6, 0)}, root=FIXTURES / kernel)


def answers(facts: t.Mapping[str, t.Any]) -> dict[str, str]:
    return {name: probe["answer"] for name, probe in facts["capabilities"].items()}


@pytest.mark.parametrize(
    ("kernel", "release_", "mode", "apparmor", "psi", "thp", "io_uring_disabled"),
    [
        ("6.1", "6.1.0-56-cloud-amd64", "unified", "yes", "yes", "always", None),
        ("6.12", "6.12.117+deb13-cloud-amd64", "unified", "yes", "yes", "always", 0),
        ("6.12-no-io_uring", "6.12.117+deb13-cloud-amd64", "unified", "yes", "yes", "always", 2),
        ("6.18", "6.18.44", "hybrid", "no", "yes", "madvise", 0),
        ("container", "6.18.44", "legacy", "no", "yes", "madvise", 0),
    ],
)
def test_recorded_kernels_are_probed(
    *, kernel: str, release_: str, mode: str, apparmor: str, psi: str, thp: str, io_uring_disabled: int | None
) -> None:
    facts = read_kernel(recorded(kernel), subsets=[])
    values = facts["values"]
    assert set(values) == {*SUBSETS, "sysctl_origin"}
    assert values["release"]["release"] == release_
    assert values["cgroup"]["mode"] == mode
    assert values["thp"]["enabled"] == thp
    assert values["sysctl"]["kernel.io_uring_disabled"] == io_uring_disabled
    assert values["sysctl"]["net.core.somaxconn"] == 4096
    assert values["limits"]["nofile"]["soft"] > 0
    assert values["psi"]["memory"]["some"]["avg10"] >= 0
    assert values["syscalls"]["landlock_abi"] == 6
    found = answers(facts)
    assert (found["apparmor"], found["psi"], found["btf"]) == (apparmor, psi, "yes")
    names = ("unprivileged_userns", "landlock_create_ruleset", "bpf", "fast_clock", "goamd64_v2")
    assert [found[name] for name in names] == ["yes", "yes", "no", "yes", "yes"]


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_recorded_debian_has_the_controllers_that_limits_need(kernel: str) -> None:
    found = answers(read_kernel(recorded(kernel), subsets=["cgroup", "lsm"]))
    assert {name for name, answer in found.items() if answer != "yes"} == {"selinux"}


def test_every_answer_names_a_layer_and_a_reason() -> None:
    for kernel in HOSTS:
        for name, probe in read_kernel(recorded(kernel), subsets=[])["capabilities"].items():
            assert probe["answer"] in ("yes", "no", "unknown"), name
            assert probe["decided_by"] in LAYERS, name
            assert probe["reason"], name


@pytest.mark.parametrize("subset", sorted(SUBSETS))
def test_each_subset_is_read_alone(subset: str) -> None:
    values = read_kernel(recorded("6.12"), subsets=[subset])["values"]
    assert set(values) == ({"sysctl", "sysctl_origin"} if subset == "sysctl" else {subset})


def test_units_are_returned_with_any_subset() -> None:
    def systemctl(
        argv: list[str], *, stdin: str | None = None, env: t.Mapping[str, str] | None = None
    ) -> Completed:
        return Completed(
            0, (FIXTURES / "6.12" / "systemctl" / "show").read_text() if "--" in argv else "", ""
        )

    values = read_kernel(recorded("6.12"), subsets=["psi"], units=["ssh"], run=systemctl)["values"]
    assert set(values) == {"psi", "units", "unit_defaults"}
    assert values["units"]["ssh"]["source"] == "process"


def test_calls_that_go_uses_have_an_answer() -> None:
    facts = read_kernel(recorded("6.12"), subsets=["syscalls"])
    go = facts["values"]["syscalls"]["go"]
    assert {"futex", "epoll_pwait", "getrandom", "mptcp"} <= set(go) <= set(facts["capabilities"])
    assert all(go.values())


def test_the_requested_subsets_are_returned() -> None:
    facts = read_kernel(recorded("6.12"), subsets=["thp"])
    assert set(facts["values"]) == {"thp"}
    assert set(facts["capabilities"]) == {"thp"}


def test_an_empty_tree_never_gives_yes(tmp_path: pathlib.Path) -> None:
    facts = read_kernel(host({}, root=tmp_path), subsets=[])
    assert "yes" not in answers(facts).values()
    assert answers(facts)["cgroup_v2"] == "unknown"
    assert answers(facts)["landlock"] == "unknown"


def test_damaged_files_never_give_yes(tmp_path: pathlib.Path) -> None:
    for source in (FIXTURES / "6.12").rglob("*"):
        if source.is_file() and source.name != "vmlinux":
            copy = tmp_path / source.relative_to(FIXTURES / "6.12")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(b"\xff\x00 [ = :\n\n")
    facts = read_kernel(host({}, root=tmp_path), subsets=[])
    assert "yes" not in answers(facts).values()
    assert answers(facts)["psi"] == "unknown"
    assert answers(facts)["thp"] == "unknown"
