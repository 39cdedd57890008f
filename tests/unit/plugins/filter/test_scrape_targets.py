# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gofleet.hosts.plugins.filter.scrape_targets import FilterModule

HOSTVARS: dict[str, dict[str, t.Any]] = {
    "web1": {
        "gofleet_address": "10.0.0.11",
        "ansible_host": "127.0.0.1",
        "go_service_services": [
            {"name": "hello", "port": 8080},
            {"name": "quiet", "port": 8081, "metrics": False},
            {"name": "worker"},
            {"name": "split", "port": 8082, "metrics": {"path": "/internal/metrics", "port": 9182}},
        ],
    },
    "web2": {"ansible_host": "fd00::2", "go_service_services": [{"name": "hello", "port": 8080}]},
    "web3": {},
}


def run(hosts: t.Any, hostvars: t.Any = None, **options: t.Any) -> list[dict[str, t.Any]]:
    return FilterModule().filters()["scrape_targets"](
        hosts, HOSTVARS if hostvars is None else hostvars, **options
    )


def test_every_host_and_every_service_with_metrics() -> None:
    assert run(["web1", "web2", "web3"]) == [
        {
            "job": "hello",
            "targets": ["10.0.0.11:8080"],
            "labels": {"host": "web1", "service": "hello"},
        },
        {"job": "hello", "targets": ["[fd00::2]:8080"], "labels": {"host": "web2", "service": "hello"}},
        {"job": "node", "targets": ["10.0.0.11:9100"], "labels": {"host": "web1"}},
        {"job": "node", "targets": ["[fd00::2]:9100"], "labels": {"host": "web2"}},
        {"job": "node", "targets": ["web3:9100"], "labels": {"host": "web3"}},
        {
            "job": "split",
            "targets": ["10.0.0.11:9182"],
            "labels": {"host": "web1", "service": "split", "__metrics_path__": "/internal/metrics"},
        },
    ]


@pytest.mark.parametrize("port", [0, None])
def test_no_node_job_without_its_port(port: int | None) -> None:
    assert {group["job"] for group in run(["web1"], node_exporter_port=port)} == {"hello", "split"}


def test_the_address_variable_can_be_chosen() -> None:
    assert run(["web1"], address_var="ansible_host")[-2]["targets"] == ["127.0.0.1:9100"]


@pytest.mark.parametrize(
    ("hosts", "hostvars", "words"),
    [("web1", HOSTVARS, "list of host names"), (["web1"], [], "hostvars"), (["web9"], HOSTVARS, "web9")],
)
def test_invalid_arguments_are_refused(hosts: t.Any, hostvars: t.Any, words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        run(hosts, hostvars)
