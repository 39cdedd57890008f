# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.health import health_check
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.instances import (
    Instance,
    parse_instances,
)
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.listeners import Listener
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.service import parse_services


def instances(**item: t.Any) -> list[Instance]:
    return parse_instances({"name": "hello", **item})


@pytest.mark.parametrize(
    ("socket", "listen", "where"),
    [
        ({"listen": "8080"}, "8080", ("", 8080, "")),
        ({"listen": 8080}, "8080", ("", 8080, "")),
        ({"listen": "10.0.0.1:443"}, "10.0.0.1:443", ("10.0.0.1", 443, "")),
        ({"listen": "[::]:443"}, "[::]:443", ("[::]", 443, "")),
        ({"listen": "/run/x/x.sock"}, "/run/x/x.sock", ("", 0, "/run/x/x.sock")),
    ],
)
def test_addresses_of_a_socket(socket: dict[str, t.Any], listen: str, where: tuple[str, int, str]) -> None:
    (member,) = instances(sockets=[{"name": "http", **socket}])
    (listener,) = member.sockets
    assert (listener.unit, listener.fd_name, listener.listen) == ("hello-http.socket", "http", listen)
    assert (listener.address, listener.port, listener.path) == where


@pytest.mark.parametrize(
    ("address", "url"),
    [("", "http://127.0.0.1:80/x"), ("10.0.0.1", "http://10.0.0.1:80/x"), ("[::1]", "http://[::1]:80/x")],
)
def test_the_url_as_seen_on_the_host(address: str, url: str) -> None:
    assert Listener("", "", "", address, 80, "", False, "", "", "", 1).url("/x") == url


def test_the_main_port_comes_first_and_the_service_may_bind_it() -> None:
    (member,) = instances(
        port=80, socket=False, sockets=[{"name": "admin", "listen": "81", "fd_name": "ops"}]
    )
    assert [one.unit for one in member.listeners] == ["", "hello-admin.socket"]
    assert [one.fd_name for one in member.sockets] == ["ops"]


@pytest.mark.parametrize(
    ("socket", "message"),
    [
        ({"listen": "0"}, "wanted a port from 1 to 65535.*'0'"),
        ({"listen": "host:80"}, "wanted a port"),
        ({"listen": "::1:80"}, "wanted a port"),
        ({"listen": "run/x.sock"}, "wanted a port"),
        ({"listen": "/run/../x.sock"}, "wanted the normalized absolute path"),
        ({"listen": "/run/" + "x" * 110}, "of at most 107 bytes"),
        ({"listen": "/run/x\ny"}, "wanted the normalized absolute path"),
        ({"listen": "80", "fd_name": "a:b"}, "wanted fd_name without blanks and colons"),
        ({"listen": "/run/x", "mode": "rw"}, "wanted a mode of four octal digits"),
        ({"listen": "80", "name": "A b"}, "wanted a name of at most 32"),
    ],
)
def test_invalid_sockets_are_refused(socket: dict[str, t.Any], message: str) -> None:
    with pytest.raises(HostError, match=message):
        instances(sockets=[{"name": "http", **socket}])


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        ({"listen": "80"}, {"listen": "10.0.0.1:80"}, "wanted port 80 for only one service"),
        ({"listen": "/run/x"}, {"listen": "/run/x"}, "wanted /run/x for only one service"),
        ({"listen": "80"}, {"listen": "81", "name": "a"}, "the unit hello-a.socket for only one service"),
        ({"listen": "80"}, {"listen": "80", "type": "datagram"}, None),
        ({"listen": "10.0.0.1:80"}, {"listen": "10.0.0.2:80"}, None),
    ],
)
def test_conflicting_sockets_are_refused(
    one: dict[str, t.Any], other: dict[str, t.Any], message: str | None
) -> None:
    item = {
        "name": "hello",
        "artefact": {"file": "x"},
        "health": {"path": ""},
        "sockets": [{"name": "a", **one}, {"name": "b", **other}],
    }
    if message is None:
        assert len(parse_services([item]).present) == 1
        return
    with pytest.raises(HostError, match=message):
        parse_services([item])


def test_conflicting_unit_names_are_refused() -> None:
    items = [
        {"name": "a", "artefact": {"file": "x"}, "sockets": [{"name": "b", "listen": "80"}]},
        {"name": "a-b", "artefact": {"file": "x"}, "port": 81},
    ]
    with pytest.raises(
        HostError, match="service a-b: wanted the unit a-b.socket for only one service; found service a with"
    ):
        parse_services(items)


def test_instances_have_their_own_units_addresses_and_environment() -> None:
    one, other = instances(
        instances=[{"name": "a", "port": 8001}, {"name": "b", "environment": {"SHARD": "2"}}],
        sockets=[{"name": "ops", "listen": "/run/hello/%i.sock"}],
        arguments=["-name", "%i"],
        environment={"WHO": "%i", "SHARD": "1"},
    )
    assert (one.unit, one.directory) == ("hello@a.service", "hello/a")
    assert [socket.unit for socket in one.sockets] == ["hello@a.socket", "hello-ops@a.socket"]
    assert [socket.listen for socket in other.sockets] == ["/run/hello/b.sock"]
    assert (one.arguments, other.arguments) == (["-name", "a"], ["-name", "b"])
    assert (one.environment, other.environment) == ({"WHO": "a", "SHARD": "1"}, {"WHO": "b", "SHARD": "2"})


def test_without_instances_a_percent_sign_is_literal() -> None:
    (member,) = instances(arguments=["%i"])
    assert member.arguments == ["%i"]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"instances": [{"name": "A"}]}, "instance A of service hello: wanted a unique name"),
        ({"instances": [{"name": "a"}, {"name": "a"}]}, "found two instances"),
        ({"instances": [{"name": "a"}], "port": 80}, "wanted a port for each instance"),
        (
            {"instances": [{"name": "a"}], "sockets": [{"name": "x", "listen": "80"}]},
            "with %i in it; found '80'",
        ),
    ],
)
def test_conflicting_instances_are_refused(item: dict[str, t.Any], message: str) -> None:
    with pytest.raises(HostError, match=message):
        instances(**item)


@pytest.mark.parametrize(
    ("health", "question"),
    [
        (None, {"url": "http://localhost/healthz", "timeout": 30, "unix_socket": "/run/x"}),
        ({"path": "", "timeout": 5}, None),
        (
            {"socket": "ops", "path": "/ready", "warm_up": ["/"]},
            {"url": "http://127.0.0.1:81/ready", "timeout": 30, "warm_up": ["/"]},
        ),
    ],
)
def test_the_health_check_uses_the_named_socket(
    health: dict[str, t.Any] | None, question: dict[str, t.Any] | None
) -> None:
    sockets = [{"name": "http", "listen": "/run/x"}, {"name": "ops", "listen": "81"}]
    (service,) = parse_services(
        [{"name": "hello", "artefact": {"file": "x"}, "sockets": sockets, "health": health}]
    ).present
    assert health_check(service.health, service.instances[0].listeners) == question
