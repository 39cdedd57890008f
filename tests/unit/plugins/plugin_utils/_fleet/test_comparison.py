# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet import classes
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet import values as fleet_values
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.comparison import compare, same_findings
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.drift import drift
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.host import host_facts, no_facts
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.report import fleet_of
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.schema import SCHEMA, parse_fleet


def host(
    release: str = "6.1.0-1", *, psi: str = "yes", somaxconn: int = 4096, go: str = "go1.27.3", **more: t.Any
) -> dict[str, t.Any]:
    return host_facts(
        {
            "kernel_info": {
                "capabilities": {
                    "psi": {"answer": psi, "decided_by": "kernel", "reason": "tried"},
                    "bpf": {"answer": psi, "decided_by": "sysctl", "reason": "tried"},
                },
                "values": {
                    "release": {"release": release},
                    "sysctl": {"net.core.somaxconn": somaxconn, "fs.file-max": somaxconn, **more},
                },
            },
            "go_binary_info": {"binaries": [{"path": "/usr/bin/x", "go_version": go, "supported": "yes"}]},
        }
    )


def report(
    hosts: dict[str, dict[str, t.Any]], *, generated: str = "2026-11-22T22:00:00Z"
) -> dict[str, t.Any]:
    return fleet_of(hosts, groups={"web": list(hosts)}, generated=generated)


def differences(
    hosts: dict[str, t.Any], groups: dict[str, list[str]]
) -> list[tuple[str, str, list[str], list[list[str]]]]:
    return [
        (one["group"], one["kind"], one["subjects"], [value["hosts"] for value in one["values"]])
        for one in drift(hosts, groups)
    ]


def test_equal_hosts_do_not_drift() -> None:
    assert differences({"a": host(), "b": host()}, {"web": ["a", "b"]}) == []
    # The kernel computes this number from the size of the machine.
    assert differences({"a": host(), "b": host(**{"vm.min_free_kbytes": 7})}, {"web": ["a", "b"]}) == []
    # Only one of the kernels has this key.
    assert differences({"a": host(**{"x.y": None}), "b": host(**{"x.y": 1})}, {"web": ["a", "b"]}) == []


def test_drift_within_a_group() -> None:
    hosts = {
        "a": host(),
        "b": host(somaxconn=128),
        "c": host(go="go1.26.6"),
        "d": host(psi="no"),
        "e": host(),
    }
    assert differences(hosts, {"web": list(hosts)}) == [
        ("web", "sysctl", ["net.core.somaxconn"], [["a", "c", "d", "e"], ["b"]]),
        ("web", "build", ["/usr/bin/x"], [["a", "b", "d", "e"], ["c"]]),
        ("web", "capability", ["kernel/bpf", "kernel/psi"], [["a", "b", "c", "e"], ["d"]]),
    ]
    assert (
        drift(hosts, {"web": list(hosts)})[2]["values"][1]["value"] == "kernel/bpf no (sysctl), kernel/psi no"
    )


def test_a_group_does_not_repeat_the_differences_of_a_smaller_one() -> None:
    hosts = {"a": host(), "b": host(somaxconn=128), "c": host()}
    groups = {
        "all_web": ["a", "b", "c"],
        "web": ["a", "b"],
        "same": ["b", "a"],
        "alone": ["b"],
        "gone": ["x", "y"],
    }
    assert differences(hosts, groups) == [("same", "sysctl", ["net.core.somaxconn"], [["b"], ["a"]])]


def test_drift_that_follows_the_kernel() -> None:
    hosts = {"a": host(), "b": host("6.12.0-1", somaxconn=128), "c": host("6.12.0-1", somaxconn=128)}
    follows = {one["kind"]: one["follows_kernel"] for one in drift(hosts, {"web": list(hosts)})}
    assert follows == {"kernel": False, "sysctl": True}
    hosts["c"] = host("6.12.0-1")
    follows = {one["kind"]: one["follows_kernel"] for one in drift(hosts, {"web": list(hosts)})}
    assert follows == {"kernel": False, "sysctl": False}


def test_changes_between_two_reports() -> None:
    before = report({"a": host(), "b": host(), "c": host(), "gone": host()}, generated="2026-11-15T00:00:00Z")
    after = report(
        {"a": host(somaxconn=9), "b": host(somaxconn=9), "c": no_facts("unreachable"), "new": host()}
    )
    found = compare(before, after)
    assert found["previous"] == "2026-11-15T00:00:00Z"
    assert (found["hosts_added"], found["hosts_gone"]) == (["new"], ["gone"])
    assert [tuple(change.values()) for change in found["changes"]] == [
        ("host", "state", "answered", "unreachable", ["c"]),
        ("sysctl", "fs.file-max", "4096", "9", ["a", "b"]),
        ("sysctl", "net.core.somaxconn", "4096", "9", ["a", "b"]),
    ]
    assert compare(after, after)["changes"] == []


def test_time_and_comparison_do_not_make_findings_differ() -> None:
    one, other = report({"a": host()}), report({"a": host()}, generated="2027-01-01T00:00:00Z")
    other["comparison"] = compare(one, other)
    assert same_findings(one, other)
    assert not same_findings(one, report({"a": host(somaxconn=1)}))


def test_shared_values_are_restored_for_each_host() -> None:
    hosts = {"a": host(), "b": host(), "c": host(psi="no")}
    made = report(hosts)
    assert [len(made[key]) for key in ("classes", "settings", "answers")] == [2, 1, 4]
    again = classes.facts_of_hosts(made)
    for name, facts in hosts.items():
        assert fleet_values.values_of(again[name]) == fleet_values.values_of(facts)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "invalid JSON"),
        ("{", "invalid JSON"),
        ("[]", "without a schema"),
        ("{}", "without a schema"),
        ('{"schema": 0}', "schema 0"),
        (f'{{"schema": {SCHEMA}}}', "without generated, hosts"),
    ],
)
def test_text_that_is_not_an_earlier_report(text: str, found: str) -> None:
    with pytest.raises(HostError, match="old.json: wanted .*probe_previous") as error:
        parse_fleet(text, path="old.json")
    assert found in error.value.found


def test_making_a_report_does_not_change_the_facts() -> None:
    hosts = {"a": host(), "b": host(psi="no")}
    kept = copy.deepcopy(hosts)
    report(hosts)
    assert hosts == kept
