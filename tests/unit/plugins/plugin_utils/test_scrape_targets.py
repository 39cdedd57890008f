# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._scrape_targets import address_of, scrape_targets


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({"own": "10.0.0.1", "ansible_host": "127.0.0.1"}, "10.0.0.1"),
        ({"own": "", "ansible_host": "127.0.0.1"}, "127.0.0.1"),
        ({}, "web1"),
        ({"own": "fd00::1"}, "[fd00::1]"),
        ({"own": "[fd00::1]"}, "[fd00::1]"),
    ],
)
def test_the_first_variable_with_a_value_is_the_address(variables: dict[str, t.Any], address: str) -> None:
    assert address_of("web1", variables, address_var="own") == address


@pytest.mark.parametrize(
    ("service", "targets"),
    [
        ({"port": 8080}, [["10.0.0.1:8080"]]),
        ({"port": 8080, "sockets": [{"name": "metrics", "listen": "[::]:9090"}]}, [["10.0.0.1:9090"]]),
        ({"port": 8080, "sockets": [{"name": "metrics", "listen": "/run/x"}]}, [["10.0.0.1:8080"]]),
        ({"port": 8080, "metrics": {"port": 1}}, [["10.0.0.1:1"]]),
        ({"instances": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]}, [["10.0.0.1:1", "10.0.0.1:2"]]),
        ({"timer": {"every": "1h"}}, []),
        ({"port": 8080, "metrics": False}, []),
        ({"port": 8080, "state": "absent"}, []),
    ],
)
def test_addresses_of_the_metrics_of_a_service(service: dict[str, t.Any], targets: list[list[str]]) -> None:
    hostvars = {"web1": {"own": "10.0.0.1", "go_service_services": [{"name": "x", **service}]}}
    groups = scrape_targets(["web1"], hostvars, address_var="own", node_exporter_port=0)
    assert [group["targets"] for group in groups] == targets
