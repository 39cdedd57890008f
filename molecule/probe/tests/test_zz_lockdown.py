# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kernel that is locked down. The last file of the scenario: lockdown is raised, and only a boot lowers it."""

from __future__ import annotations

import typing as t

import pytest

testinfra_hosts = ["ansible://go_hosts"]

LOCKDOWN = "/sys/kernel/security/lockdown"
AGENT = {"name": "agent", "capabilities": ["CAP_BPF", "CAP_PERFMON", "CAP_SYS_ADMIN"]}


def decided(answers: dict[str, t.Any]) -> dict[str, str]:
    return {name: answer["decided_by"] for name, answer in answers.items() if answer["answer"] == "no"}


@pytest.mark.on("deb13")
def test_each_level_of_lockdown(host: t.Any, run_module: t.Any) -> None:
    def told() -> dict[str, t.Any]:
        result: dict[str, t.Any] = run_module(
            "ebpf_info",
            subsets=["environment", "attach", "profiles", "helpers"],
            helper_types=["kprobe"],
            full=True,
            identity=[AGENT],
        )
        return result

    assert "[none]" in host.check_output("cat %s", LOCKDOWN), "reset the hosts first"
    open_to_all = told()
    absent = decided(open_to_all["attach"])
    assert set(absent.values()) <= {"kernel"}, absent

    host.run_test("echo integrity > %s", LOCKDOWN)
    integrity = told()
    assert integrity["values"]["lockdown"] == "integrity"
    for who in (integrity, integrity["identities"]["agent"]):
        assert who["profiles"]["obi_go_propagation"]["answer"] == "no"
        assert "locked down (integrity)" in who["profiles"]["obi_go_propagation"]["reason"]
    assert decided(integrity["helpers"]["kprobe"]) == {
        **decided(open_to_all["helpers"]["kprobe"]),
        "bpf_probe_write_user": "lockdown",
    }
    assert decided(integrity["attach"]) == absent, "integrity leaves probes alone"
    assert integrity["profiles"]["kprobe_metrics"]["answer"] == "yes"

    host.run_test("echo confidentiality > %s", LOCKDOWN)
    confidentiality = told()
    assert confidentiality["values"]["lockdown"] == "confidentiality"
    assert decided(confidentiality["attach"]) == {
        **absent,
        "kprobe_perf": "lockdown",
        "kprobe_tracefs": "lockdown",
    }
    assert confidentiality["helpers"]["kprobe"]["bpf_probe_read_kernel"]["decided_by"] == "lockdown"
    assert confidentiality["helpers"]["kprobe"]["bpf_probe_read_user"]["answer"] == "yes"
    for name in ("kprobe_metrics", "obi_traces"):
        assert confidentiality["profiles"][name]["decided_by"] == "lockdown"
        assert "Secure Boot" in confidentiality["profiles"][name]["fix"]
    for name in ("fentry_metrics", "uprobe_traces"):
        assert confidentiality["profiles"][name]["answer"] == "yes"
