# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.capability_table import capability_table

YES = {"answer": "yes", "decided_by": "kernel", "reason": "tried, it works"}
REFUSED = {"answer": "no", "decided_by": "sysctl", "reason": "EPERM: kernel.unprivileged_bpf_disabled is 2"}
UNKNOWN = {"answer": "unknown", "decided_by": "kernel", "reason": "securityfs is not mounted"}


def test_a_row_for_each_capability_and_a_column_for_each_host() -> None:
    hosts: dict[str, t.Any] = {
        "web1": {"psi": YES, "bpf": REFUSED},
        "web2": "unreachable",
        "web3": {"bpf": REFUSED, "landlock": UNKNOWN},
    }
    assert capability_table(hosts) == [
        "capability  web1         web2         web3",
        "----------  -----------  -----------  -----------",
        "bpf         no (sysctl)  unreachable  no (sysctl)",
        "landlock    not asked    -            unknown",
        "psi         yes          -            not asked",
        "",
        "bpf: EPERM: kernel.unprivileged_bpf_disabled is 2 (web1, web3)",
        "landlock: securityfs is not mounted (web3)",
    ]


def test_hosts_that_do_not_fit_are_in_a_table_below() -> None:
    hosts: dict[str, t.Any] = {f"host{number}": {"bpf": REFUSED} for number in range(30)}
    lines = capability_table(hosts)
    assert max(len(line) for line in lines) <= 120
    for name in hosts:
        assert any(name in line.split() for line in lines if line.startswith("capability"))


@pytest.mark.parametrize("length", [3, 20])
def test_three_hosts_fit_side_by_side(length: int) -> None:
    hosts: dict[str, t.Any] = {
        str(number) * length: {"io_uring_single_issuer": REFUSED} for number in range(3)
    }
    assert sum(line.startswith("capability") for line in capability_table(hosts)) == 1


def test_a_name_wider_than_the_table_has_its_own_table() -> None:
    lines = capability_table({"h" * 200: {"psi": YES}, "b": {"psi": YES}})
    assert sum(line.startswith("capability") for line in lines) == 2


def test_no_host_answered() -> None:
    assert capability_table({"web1": "unreachable", "web2": "failed"})[-1].split() == [
        "unreachable",
        "failed",
    ]
    assert capability_table({}) == []
