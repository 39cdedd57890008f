# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service import Service, read_services
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service_unit import service_unit, socket_unit

PROGRAM = "/opt/gofleet/hello/current/hello"


def service(**changes: t.Any) -> Service:
    return read_services([{"name": "hello", "artefact": {"file": "x"}, "port": 8080, **changes}])[0]


def settings(**changes: t.Any) -> dict[str, list[str]]:
    """The settings of the service unit, each with its values in order."""
    found: dict[str, list[str]] = {}
    for line in service_unit(service(**changes), executable=PROGRAM).splitlines():
        if "=" in line and not line.startswith("#"):
            key, dummy, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_socket_owns_the_port_and_names_its_descriptor() -> None:
    text = socket_unit(service(address="10.0.0.1"))
    assert "ListenStream=10.0.0.1:8080\nFileDescriptorName=hello\n" in text
    assert "\nBacklog=65535\n" in text
    assert "WantedBy=sockets.target" in text


def test_the_default_is_strict_and_keeps_the_backlog_readable() -> None:
    found = settings()
    assert found["DynamicUser"] == ["yes"]
    assert found["CapabilityBoundingSet"] == [""]
    assert found["PrivateUsers"] == ["yes"]
    assert found["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]
    assert found["AppArmorProfile"] == ["gofleet.hello"]
    assert "ProcSubset" not in found


@pytest.mark.parametrize(
    ("changes", "setting", "values"),
    [
        ({"limits": {"memory_max": "256M"}}, "Environment", ["GOMEMLIMIT=230MiB"]),
        (
            {"limits": {"memory_max": "256M"}, "environment": {"GOMEMLIMIT": "off"}},
            "Environment",
            ["GOMEMLIMIT=off"],
        ),
        ({"limits": {"cpu_quota": "150%"}}, "CPUQuota", ["150%"]),
        ({"notify": False}, "Type", ["exec"]),
        ({"sandbox": {"capabilities": ["CAP_NET_RAW"]}}, "AmbientCapabilities", ["CAP_NET_RAW"]),
        ({"sandbox": {"capabilities": ["CAP_NET_RAW"]}}, "PrivateUsers", ["no"]),
        (
            {"sandbox": {"address_families": ["AF_NETLINK"]}},
            "RestrictAddressFamilies",
            ["AF_INET AF_INET6 AF_UNIX AF_NETLINK"],
        ),
        ({"sandbox": {"read_write_paths": ["/srv/a b"]}}, "ReadWritePaths", ['"/srv/a b"']),
        (
            {"sandbox": {"syscalls": ["@resources"]}},
            "SystemCallFilter",
            ["@system-service", "~@privileged @resources", "@resources"],
        ),
    ],
)
def test_what_is_described_is_what_is_set(changes: dict[str, t.Any], setting: str, values: list[str]) -> None:
    assert settings(**changes)[setting] == values


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("plain", "plain"),
        ("50%", "50%%"),
        ("$HOME", '"$$HOME"'),
        ("two words", '"two words"'),
        ('q"\\', '"q\\"\\\\"'),
    ],
)
def test_arguments_are_taken_literally(word: str, written: str) -> None:
    assert settings(arguments=[word])["ExecStart"] == [f"{PROGRAM} {written}"]


def test_without_a_socket_nothing_is_required_of_one() -> None:
    assert "Requires" in settings()
    assert "Requires" not in settings(socket=False)
