# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.health import health_check
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.service import Service, parse_services

ARTEFACT = {"file": "dist/hello"}


def item(**changes: t.Any) -> dict[str, t.Any]:
    return {"name": "hello", "artefact": ARTEFACT, "port": 8080, **changes}


def read(**changes: t.Any) -> Service:
    (service,) = parse_services([item(**changes)]).present
    return service


def url(service: Service) -> str:
    question = health_check(service.health, service.instances[0].listeners)
    return question["url"] if question else ""


def test_defaults_of_a_service_that_listens() -> None:
    service = read()
    (member,) = service.instances
    assert [(one.unit, one.listen, one.fd_name) for one in member.sockets] == [
        ("hello.socket", "8080", "hello")
    ]
    assert (service.lifecycle.notify, url(service)) == (True, "http://127.0.0.1:8080/healthz")
    assert (service.apparmor_mode, service.sandbox.exposure_max) == ("enforce", 1.5)
    assert service.profile == "gofleet.hello"


def test_a_service_without_a_port_has_no_socket_and_no_health_check() -> None:
    service = read(port=None)
    assert (service.instances[0].listeners, url(service)) == ([], "")


@pytest.mark.parametrize(
    ("address", "listen", "asked"),
    [
        ("", "8080", "http://127.0.0.1:8080/healthz"),
        ("0.0.0.0", "0.0.0.0:8080", "http://127.0.0.1:8080/healthz"),
        ("[::]", "[::]:8080", "http://127.0.0.1:8080/healthz"),
        ("10.0.0.1", "10.0.0.1:8080", "http://10.0.0.1:8080/healthz"),
        ("[fd00::1]", "[fd00::1]:8080", "http://[fd00::1]:8080/healthz"),
    ],
)
def test_the_health_check_uses_the_address_of_the_service(address: str, listen: str, asked: str) -> None:
    service = read(address=address)
    assert (service.instances[0].listeners[0].listen, url(service)) == (listen, asked)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"artefact": None}, "service hello: wanted an artefact; found none"),
        ({"artefact": {"sha256": "0" * 64}}, "service hello: wanted an artefact"),
        ({"artefact": {"file": "x", "installed": "/usr/bin/x"}}, "wanted one artefact; found file and installed"),
        ({"artefact": {"installed": "bin/x"}}, "wanted only absolute paths.*'bin/x'"),
        ({"artefact": {"installed": "/x"}, "config_files": [{"path": "a"}]}, "has no release; found a"),
        ({"artefact": {"installed": "/x"}, "hooks": {"drain": ["x"]}}, "has no release; found x"),
        ({"port": 70000}, "wanted a TCP port from 1 to 65535; found 70000"),
        ({"port": 80, "socket": False}, "wanted CAP_NET_BIND_SERVICE for port 80"),
        ({"port": None, "health": {"path": "/x"}}, "wanted a port for the health check"),
        ({"health": {"socket": "admin"}}, "wanted health.socket to be one of its sockets; found 'admin'"),
        ({"health": {"path": "x"}}, "wanted a path that starts with /"),
        ({"health": {"path": "", "warm_up": ["/"]}}, "wanted a path for the health check after"),
        ({"limits": {"memory_max": "lots"}}, "wanted limits.memory_max as a number of bytes.*'lots'"),
        ({"limits": {"swap_max": "1.5G"}}, "wanted limits.swap_max"),
        ({"name": "Hello World"}, "wanted a name of at most 48 lower-case letters"),
        ({"name": "../x"}, "wanted a name"),
        ({"environment": {"A-B": "1"}}, "wanted names of variables.*'A-B'"),
        ({"watchdog": "30s", "notify": False}, "wanted notifications.*notify: false"),
        ({"timer": {"on_calendar": ["daily"]}}, "wanted either sockets or a timer"),
        ({"port": None, "timer": {}}, "wanted one of on_calendar"),
        ({"port": None, "timer": {"every": "1h"}, "watchdog": "5s"}, "notifications.*found a timer"),
        ({"port": None, "timer": {"every": "1h"}, "fd_store": 1}, "because of `fd_store`; found a timer"),
        ({"sandbox": {"capabilities": ["net_raw"]}}, "wanted a name such as CAP_NET_BIND_SERVICE; found 'net_raw'"),
        ({"sandbox": {"address_families": ["netlink"]}}, "wanted a name such as AF_NETLINK"),
        ({"sandbox": {"devices": ["fuse"]}}, "wanted a name such as /dev/fuse"),
        ({"credentials": [{"name": "a"}]}, "credential a of service hello: wanted one source of .*found no source"),
        ({"credentials": [{"name": "a", "content": "S", "path": "/b"}]}, "found content and path"),
        ({"credentials": [{"name": "a", "path": "b"}]}, "wanted an absolute path"),
        ({"credentials": [{"name": "a", "path": "/b"}] * 2}, "wanted one entry for each credential"),
    ],
)  # fmt: skip
def test_invalid_descriptions_are_refused(changes: dict[str, t.Any], message: str) -> None:
    with pytest.raises(HostError, match=message) as refused:
        parse_services([item(**changes)])
    assert "'S'" not in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [{"port": 80}, {"port": 80, "socket": False, "sandbox": {"capabilities": ["CAP_NET_BIND_SERVICE"]}}],
    ids=["systemd owns the port", "with the capability"],
)
def test_valid_low_ports(changes: dict[str, t.Any]) -> None:
    assert read(**changes).instances[0].listeners[0].port == 80


def test_two_services_on_one_port_are_refused() -> None:
    with pytest.raises(
        HostError, match="service other: wanted port 8080 for only one service; found service hello"
    ):
        parse_services([item(), item(name="other")])


def test_one_port_on_two_addresses_is_accepted() -> None:
    services = parse_services([item(address="10.0.0.1"), item(name="other", address="10.0.0.2")])
    assert len(services.present) == 2


def test_a_repeated_name_is_refused() -> None:
    with pytest.raises(HostError, match="service hello: wanted one entry for each name"):
        parse_services([item(), item(port=8081)])


def test_an_absent_service_needs_only_its_name() -> None:
    services = parse_services([{"name": "old", "state": "absent", "purge": True}, item()])
    assert [service.name for service in services.present] == ["hello"]
    assert services.absent == [("old", True)]


def test_an_absent_service_frees_its_port() -> None:
    services = parse_services([item(name="old", state="absent"), item()])
    assert services.absent == [("old", False)]
