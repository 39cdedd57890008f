# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.host import host_facts, no_facts
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.metrics import metrics_of

LINE = re.compile(r'(# (HELP|TYPE) gofleet_[a-z_]+ .+|gofleet_[a-z_]+\{([a-z_]+="([^"\\\n]|\\.)*",?)*\} \d+)')


def test_metrics_of_a_host() -> None:
    binary = {"path": "/x", "go_version": "go1.22.1", "supported": "no", "processes": [{"deleted": True}, {}]}
    facts = host_facts(
        {
            "kernel_info": {
                "capabilities": {"psi": {"answer": "no", "decided_by": "sysctl", "reason": "r"}},
                "values": {
                    "release": {"release": "6.1"},
                    "sysctl_origin": {"a.b": {"overridden": True, "wins": "/f"}},
                },
            },
            "io_uring_info": {"msg": "boom"},
            "go_binary_info": {"binaries": [binary, binary]},
            "ebpf_inventory_info": {"findings": [{"kind": "orphan_pin"}, {"kind": "orphan_pin"}]},
        }
    )
    lines = metrics_of(facts).splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert [line for line in lines if not line.startswith("#")] == [
        'gofleet_kernel_info{release="6.1"} 1',
        'gofleet_capability{capability="kernel/psi",answer="no",decided_by="sysctl"} 1',
        'gofleet_sysctl_changes_at_boot{key="a.b",file="/f"} 1',
        'gofleet_go_build_info{path="/x",module="",version="",go_version="go1.22.1",supported="no"} 1',
        'gofleet_go_build_processes{path="/x",version="",go_version="go1.22.1"} 4',
        'gofleet_go_build_stale_processes{path="/x",version="",go_version="go1.22.1"} 2',
        'gofleet_ebpf_findings{kind="orphan_pin"} 2',
        'gofleet_probe_failed{module="io_uring_info"} 1',
    ]
    assert metrics_of(facts).endswith("\n")


def test_a_host_without_answers_has_no_metrics() -> None:
    assert metrics_of(no_facts("unreachable")) == ""


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb"])
def test_labels_are_escaped(text: str) -> None:
    facts = no_facts("failed", problems=[{"module": text, "message": ""}])
    lines = metrics_of(facts).splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert len(lines) == 3
