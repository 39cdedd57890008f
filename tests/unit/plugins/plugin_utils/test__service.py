# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service import read_services

ARTEFACT = {"file": "dist/hello"}


def item(**changes: t.Any) -> dict[str, t.Any]:
    return {"name": "hello", "artefact": ARTEFACT, "port": 8080, **changes}


def test_defaults_of_a_service_that_listens() -> None:
    (service,) = read_services([item()])
    assert (service.socket, service.notify, service.listen) == (True, True, "8080")
    assert service.health_url == "http://127.0.0.1:8080/healthz"
    assert (service.apparmor_mode, service.exposure_max, service.profile) == ("enforce", 1.5, "gofleet.hello")


def test_a_service_that_listens_on_nothing_has_no_socket_and_no_health_check() -> None:
    (service,) = read_services([item(port=None)])
    assert (service.socket, service.health_url) == (False, "")


@pytest.mark.parametrize(
    ("address", "listen", "url"),
    [
        ("", "8080", "http://127.0.0.1:8080/healthz"),
        ("0.0.0.0", "0.0.0.0:8080", "http://127.0.0.1:8080/healthz"),
        ("[::]", "[::]:8080", "http://127.0.0.1:8080/healthz"),
        ("10.0.0.1", "10.0.0.1:8080", "http://10.0.0.1:8080/healthz"),
        ("[fd00::1]", "[fd00::1]:8080", "http://[fd00::1]:8080/healthz"),
    ],
)
def test_asks_for_health_where_it_listens(address: str, listen: str, url: str) -> None:
    (service,) = read_services([item(address=address)])
    assert (service.listen, service.health_url) == (listen, url)


@pytest.mark.parametrize(
    ("size", "expected"),
    [("268435456", 268435456), ("256M", 268435456), ("1G", 1 << 30), ("64K", 65536), (None, 0)],
)
def test_reads_sizes_as_systemd_does(size: str | None, expected: int) -> None:
    assert read_services([item(limits={"memory_max": size})])[0].memory_max == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"artefact": None}, "service hello: wanted an artefact; found none"),
        ({"artefact": {"sha256": "0" * 64}}, "service hello: wanted an artefact"),
        ({"port": 70000}, "wanted a TCP port from 1 to 65535; found 70000"),
        ({"port": 80, "socket": False}, "wanted CAP_NET_BIND_SERVICE for port 80"),
        ({"port": None, "health": {"path": "/x"}}, "wanted a port to ask for its health"),
        ({"limits": {"memory_max": "lots"}}, "wanted limits.memory_max as a number of bytes.*'lots'"),
        ({"name": "Hello World"}, "wanted a name of at most 48 lower-case letters"),
        ({"name": "../x"}, "wanted a name"),
    ],
)
def test_refuses_what_can_not_work(changes: dict[str, t.Any], message: str) -> None:
    with pytest.raises(HostError, match=message):
        read_services([item(**changes)])


@pytest.mark.parametrize(
    "changes",
    [{"port": 80}, {"port": 80, "socket": False, "sandbox": {"capabilities": ["CAP_NET_BIND_SERVICE"]}}],
    ids=["systemd owns the port", "with the capability"],
)
def test_low_ports_that_work(changes: dict[str, t.Any]) -> None:
    assert read_services([item(**changes)])[0].port == 80


def test_two_services_on_one_port_name_both_and_the_port() -> None:
    with pytest.raises(HostError, match="service other: wanted port 8080 for itself; found service hello"):
        read_services([item(), item(name="other")])


def test_a_name_stands_once() -> None:
    with pytest.raises(HostError, match="service hello: wanted each name once"):
        read_services([item(), item(port=8081)])
