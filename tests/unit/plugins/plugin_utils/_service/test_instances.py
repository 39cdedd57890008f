# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.health import health_question
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.instances import Member, read_members
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.listeners import Listener
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.service import read_services


def members(**item: t.Any) -> list[Member]:
    return read_members({"name": "hello", **item})


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
def test_where_a_socket_listens(socket: dict[str, t.Any], listen: str, where: tuple[str, int, str]) -> None:
    (member,) = members(sockets=[{"name": "http", **socket}])
    (listener,) = member.sockets
    assert (listener.unit, listener.fd_name, listener.listen) == ("hello-http.socket", "http", listen)
    assert (listener.address, listener.port, listener.path) == where


@pytest.mark.parametrize(
    ("address", "url"),
    [("", "http://127.0.0.1:80/x"), ("10.0.0.1", "http://10.0.0.1:80/x"), ("[::1]", "http://[::1]:80/x")],
)
def test_where_the_host_itself_asks(address: str, url: str) -> None:
    assert Listener("", "", "", address, 80, "", False, "", "", "", 1).url("/x") == url


def test_the_main_port_comes_first_and_may_be_the_services_own() -> None:
    (member,) = members(port=80, socket=False, sockets=[{"name": "admin", "listen": "81", "fd_name": "ops"}])
    assert [one.unit for one in member.listeners] == ["", "hello-admin.socket"]
    assert [one.fd_name for one in member.sockets] == ["ops"]


@pytest.mark.parametrize(
    ("socket", "message"),
    [
        ({"listen": "0"}, "wanted a port from 1 to 65535.*'0'"),
        ({"listen": "host:80"}, "wanted a port"),
        ({"listen": "::1:80"}, "wanted a port"),
        ({"listen": "run/x.sock"}, "wanted a port"),
        ({"listen": "/run/../x.sock"}, "wanted the plain absolute path"),
        ({"listen": "/run/" + "x" * 110}, "of at most 107 bytes"),
        ({"listen": "/run/x\ny"}, "wanted the plain absolute path"),
        ({"listen": "80", "fd_name": "a:b"}, "wanted fd_name without blanks and colons"),
        ({"listen": "/run/x", "mode": "rw"}, "wanted a mode of four octal digits"),
        ({"listen": "80", "name": "A b"}, "wanted a name of at most 32"),
    ],
)
def test_refuses_what_is_no_socket(socket: dict[str, t.Any], message: str) -> None:
    with pytest.raises(HostError, match=message):
        members(sockets=[{"name": "http", **socket}])


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        ({"listen": "80"}, {"listen": "10.0.0.1:80"}, "wanted port 80 for itself"),
        ({"listen": "/run/x"}, {"listen": "/run/x"}, "wanted /run/x for itself"),
        ({"listen": "80"}, {"listen": "81", "name": "a"}, "a unit hello-a.socket of its own"),
        ({"listen": "80"}, {"listen": "80", "type": "datagram"}, None),
        ({"listen": "10.0.0.1:80"}, {"listen": "10.0.0.2:80"}, None),
    ],
)
def test_two_sockets_of_one_place(
    one: dict[str, t.Any], other: dict[str, t.Any], message: str | None
) -> None:
    item = {
        "name": "hello",
        "artefact": {"file": "x"},
        "health": {"path": ""},
        "sockets": [{"name": "a", **one}, {"name": "b", **other}],
    }
    if message is None:
        assert len(read_services([item]).present) == 1
        return
    with pytest.raises(HostError, match=message):
        read_services([item])


def test_a_service_whose_unit_is_another_ones_socket() -> None:
    items = [
        {"name": "a", "artefact": {"file": "x"}, "sockets": [{"name": "b", "listen": "80"}]},
        {"name": "a-b", "artefact": {"file": "x"}, "port": 81},
    ]
    with pytest.raises(
        HostError, match="service a-b: wanted a unit a-b.socket of its own; found one .* service a"
    ):
        read_services(items)


def test_instances_have_units_addresses_and_environment_of_their_own() -> None:
    one, other = members(
        instances=[{"name": "a", "port": 8001}, {"name": "b", "environment": {"SHARD": "2"}}],
        sockets=[{"name": "ops", "listen": "/run/hello/%i.sock"}],
        arguments=["-name", "%i"],
        environment={"WHO": "%i", "SHARD": "1"},
    )
    assert (one.unit, one.folder) == ("hello@a.service", "hello/a")
    assert [socket.unit for socket in one.sockets] == ["hello@a.socket", "hello-ops@a.socket"]
    assert [socket.listen for socket in other.sockets] == ["/run/hello/b.sock"]
    assert (one.arguments, other.arguments) == (["-name", "a"], ["-name", "b"])
    assert (one.environment, other.environment) == ({"WHO": "a", "SHARD": "1"}, {"WHO": "b", "SHARD": "2"})


def test_without_instances_a_percent_is_a_percent() -> None:
    (member,) = members(arguments=["%i"])
    assert member.arguments == ["%i"]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"instances": [{"name": "A"}]}, "instance A of service hello: wanted a name of its own"),
        ({"instances": [{"name": "a"}, {"name": "a"}]}, "found it twice"),
        ({"instances": [{"name": "a"}], "port": 80}, "wanted a port for each instance"),
        (
            {"instances": [{"name": "a"}], "sockets": [{"name": "x", "listen": "80"}]},
            "with %i in it; found '80'",
        ),
    ],
)
def test_instances_in_each_others_way(item: dict[str, t.Any], message: str) -> None:
    with pytest.raises(HostError, match=message):
        members(**item)


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
def test_asks_on_the_socket_that_is_named(
    health: dict[str, t.Any] | None, question: dict[str, t.Any] | None
) -> None:
    sockets = [{"name": "http", "listen": "/run/x"}, {"name": "ops", "listen": "81"}]
    (service,) = read_services(
        [{"name": "hello", "artefact": {"file": "x"}, "sockets": sockets, "health": health}]
    ).present
    assert health_question(service.health, service.members[0].listeners) == question
