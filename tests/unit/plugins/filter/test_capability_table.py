# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gofleet.hosts.plugins.filter.capability_table import FilterModule

YES = {"answer": "yes", "decided_by": "kernel", "reason": "tried, it works"}


def table(hostvars: dict[str, t.Any], hosts: t.Any) -> list[str]:
    lines: list[str] = FilterModule().filters()["capability_table"](hostvars, hosts)
    return lines


def test_both_modules_and_hosts_without_results() -> None:
    hostvars = {
        "web1": {
            "__probe_kernel": {"capabilities": {"psi": YES}},
            "__probe_ring": {"setup": {"plain": YES, "sqpoll": YES}},
        },
        "web2": {"__probe_kernel": {"unreachable": True}},
        "web3": {},
        "web4": {"__probe_kernel": {"failed": True}},
        "web5": {"__probe_kernel": {"capabilities": {"psi": YES}}, "__probe_ring": {"skipped": True}},
    }
    lines = table(hostvars, list(hostvars))
    assert [line.split() for line in lines if not line.startswith("-")] == [
        ["capability", "web1", "web2", "web3", "web4", "web5"],
        ["io_uring", "yes", "unreachable", "unreachable", "failed", "not", "asked"],
        ["io_uring_sqpoll", "yes", "-", "-", "-", "not", "asked"],
        ["psi", "yes", "-", "-", "-", "yes"],
    ]


def test_hosts_must_be_a_list() -> None:
    with pytest.raises(AnsibleFilterError, match="wanted a list of host names; found str"):
        table({}, "web1")
