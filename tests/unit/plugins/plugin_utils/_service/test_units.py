# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.credentials import (
    credential_lines,
    parse_credentials,
)
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.lifecycle import lifecycle_lines
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.limits import go_limits, parse_limits
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.program import Program, parse_program
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.sandbox import (
    parse_sandbox,
    sandbox_lines,
)
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.service import parse_services
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.syntax import command, setting, text
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.units import (
    ProgramPath,
    service_unit,
    socket_unit,
    timer_unit,
)

STORE = "/opt/gofleet/hello/current"
PLAIN = parse_program("1")
PLACE = ProgramPath(f"{STORE}/hello", STORE)


def unit(program: Program = PLAIN, **changes: t.Any) -> str:
    (service,) = parse_services(
        [{"name": "hello", "artefact": {"file": "x"}, "port": 8080, **changes}]
    ).present
    place = ProgramPath(service.installed, "") if service.installed else PLACE
    return service_unit(
        service, service.instances[0], place=place, program=program, units_of=lambda name: [name]
    )


def settings(program: Program = PLAIN, **changes: t.Any) -> dict[str, list[str]]:
    """The settings of the service unit, each with its values in order."""
    found: dict[str, list[str]] = {}
    for line in unit(program, **changes).splitlines():
        if "=" in line and not line.startswith("#"):
            key, dummy, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def started_by(**changes: t.Any) -> str:
    """Text of the first unit that starts the service."""
    (service,) = parse_services([{"name": "hello", "artefact": {"file": "x"}, **changes}]).present
    member = service.instances[0]
    if service.lifecycle.timer:
        return timer_unit(service, member, service.lifecycle.timer)
    return socket_unit(service, member, member.sockets[0])


def test_the_socket_owns_the_port_and_names_its_descriptor() -> None:
    text = started_by(port=8080, address="10.0.0.1")
    assert "ListenStream=10.0.0.1:8080\nFileDescriptorName=hello\nService=hello.service\n" in text
    assert "\nBacklog=65535\n" in text
    assert "WantedBy=sockets.target" in text


@pytest.mark.parametrize(
    ("socket", "lines", "missing"),
    [
        (
            {"listen": "/run/x", "group": "www", "mode": "0666"},
            [
                "ListenStream=/run/x",
                "SocketMode=0666",
                "SocketGroup=www",
                "SocketUser=root",
                "RemoveOnStop=yes",
            ],
            ["NoDelay=yes"],
        ),
        ({"listen": "443", "type": "datagram"}, ["ListenDatagram=443"], ["NoDelay=yes", "FlushPending=no"]),
        ({"listen": "443", "backlog": 16}, ["Backlog=16", "NoDelay=yes"], ["SocketMode=0660"]),
    ],
)
def test_sockets_of_each_kind(socket: dict[str, t.Any], lines: list[str], missing: list[str]) -> None:
    written = started_by(sockets=[{"name": "x", **socket}], health={"path": ""}).splitlines()
    assert set(lines) <= set(written)
    assert not set(missing) & set(written)


def test_a_timer_starts_a_service_that_runs_to_its_end() -> None:
    timer = {"on_calendar": ["daily", "*-*-* 12:00"], "every": "1h", "random_delay": "5m"}
    written = started_by(timer=timer).splitlines()
    assert {"OnCalendar=daily", "OnCalendar=*-*-* 12:00", "OnUnitActiveSec=1h", "OnActiveSec=1h"} <= set(
        written
    )
    assert {"RandomizedDelaySec=5m", "Persistent=yes", "Unit=hello.service"} <= set(written)
    found = settings(port=None, timer={**timer, "max_runtime": "10m"})
    assert (found["Type"], found["TimeoutStartSec"]) == (["oneshot"], ["10m"])
    assert "Restart" not in found
    assert "WantedBy" not in found


def test_the_default_is_strict_and_keeps_the_backlog_readable() -> None:
    found = settings()
    assert found["DynamicUser"] == ["yes"]
    assert found["CapabilityBoundingSet"] == [""]
    assert found["PrivateUsers"] == ["yes"]
    assert found["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]
    assert found["AppArmorProfile"] == ["gofleet.hello"]
    assert found["LimitCORE"] == ["0"]
    assert found["Description"] == ["Go service hello"]
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
        ({"limits": {"swap_max": 0}}, "MemorySwapMax", ["0"]),
        ({"limits": {"tasks_max": 50}}, "TasksMax", ["50"]),
        ({"limits": {"io_weight": 50}}, "IOWeight", ["50"]),
        ({"limits": {"log_burst": 100, "log_interval": "10s"}}, "LogRateLimitBurst", ["100"]),
        ({"notify": False}, "Type", ["exec"]),
        ({"watchdog": "30s"}, "WatchdogSec", ["30s"]),
        ({"fd_store": 4}, "FileDescriptorStoreMax", ["4"]),
        ({"stop_timeout": "2min"}, "TimeoutStopSec", ["2min"]),
        ({"hooks": {"warm_up": ["hello", "-x y"]}}, "ExecStartPost", [f'{STORE}/hello "-x y"']),
        ({"hooks": {"before_start": ["/bin/true"]}}, "ExecStartPre", ["/bin/true"]),
        ({"hooks": {"drain": ["bin/drain"]}}, "ExecStop", [f"{STORE}/bin/drain"]),
        ({"environment_files": ["etc/a.env"]}, "EnvironmentFile", [f"{STORE}/etc/a.env"]),
        ({"config_files": [{"path": "etc/a"}]}, "WorkingDirectory", [STORE]),
        ({"diagnostics": {"profiles": True}}, "LogsDirectory", ["hello"]),
        ({"diagnostics": {"core_dumps": True}}, "LimitCORE", ["infinity"]),
        ({"diagnostics": {"core_dumps": True}}, "Environment", ["GOTRACEBACK=crash"]),
        ({"diagnostics": {"core_dumps": True}}, "WorkingDirectory", ["/var/log/hello"]),
        (
            {"credentials": [{"name": "a", "content": "S3CRET"}]},
            "LoadCredential",
            ["a:/etc/gofleet/credentials/hello/a"],
        ),
        (
            {"credentials": [{"name": "a", "path": "/etc/a", "encrypted": True}]},
            "LoadCredentialEncrypted",
            ["a:/etc/a"],
        ),
        ({"sandbox": {"capabilities": ["CAP_NET_RAW"]}}, "AmbientCapabilities", ["CAP_NET_RAW"]),
        ({"sandbox": {"capabilities": ["CAP_NET_RAW"]}}, "PrivateUsers", ["no"]),
        (
            {"sandbox": {"address_families": ["AF_NETLINK"]}},
            "RestrictAddressFamilies",
            ["AF_UNIX AF_INET AF_INET6 AF_NETLINK"],
        ),
        ({"sandbox": {"network": False}}, "RestrictAddressFamilies", ["AF_UNIX"]),
        ({"sandbox": {"network": False}}, "PrivateNetwork", ["yes"]),
        ({"sandbox": {"read_write_paths": ["/srv/a b"]}}, "ReadWritePaths", ['"/srv/a b"']),
        ({"sandbox": {"write_execute": True}}, "MemoryDenyWriteExecute", ["no"]),
        ({"sandbox": {"devices": ["/dev/fuse"]}}, "DeviceAllow", ["/dev/fuse rw"]),
        (
            {"sandbox": {"syscalls": ["@resources"]}},
            "SystemCallFilter",
            ["@system-service", "~@privileged @resources", "@resources"],
        ),
    ],
)  # fmt: skip
def test_options_become_settings(changes: dict[str, t.Any], setting: str, values: list[str]) -> None:
    assert settings(**changes)[setting] == values
    assert "S3CRET" not in unit(**changes)


@pytest.mark.parametrize(
    ("sandbox", "description"),
    [
        ({}, "Go service hello"),
        ({"network": False}, "Go service hello"),
        (
            {"capabilities": ["CAP_NET_RAW"], "address_families": ["AF_NETLINK"], "syscalls": ["@resources bpf"]},
            "Go service hello (opens: CAP_NET_RAW, AF_NETLINK, @resources, bpf)",
        ),
        (
            {"read_paths": ["/srv/in"], "read_write_paths": ["/srv"], "devices": ["/dev/x"], "write_execute": True},
            "Go service hello (opens: /srv/in, /srv, /dev/x, writable code)",
        ),
        ({"profile": "builder"}, "Go service hello (opens: Go builder with /usr/local/lib/go/current)"),
        (
            {"profile": "builder", "network": True, "go_root": "/opt/go"},
            "Go service hello (opens: Go builder with /opt/go, network)",
        ),
    ],
)  # fmt: skip
def test_the_description_names_every_opening(sandbox: dict[str, t.Any], description: str) -> None:
    assert settings(sandbox=sandbox)["Description"] == [description]


def test_a_builder_has_a_toolchain_caches_and_no_network() -> None:
    found = settings(sandbox={"profile": "builder"}, artefact={"installed": "/usr/local/bin/go"}, port=None)
    assert found["CacheDirectory"] == ["hello hello/scratch"]
    assert {"GOCACHE=/var/cache/hello/build", "GOTMPDIR=/var/cache/hello/scratch", "GOPROXY=off"} <= set(
        found["Environment"]
    )
    assert found["ProtectSystem"] == ["strict"]
    assert found["PrivateNetwork"] == ["yes"]
    assert found["ExecStart"] == ["/usr/local/bin/go"]


@pytest.mark.parametrize(
    ("quota", "sees", "expected"),
    [
        ("150%", False, {"GOMAXPROCS": "2"}),
        ("301%", False, {"GOMAXPROCS": "4"}),
        ("50%", False, {"GOMAXPROCS": "2"}),
        ("150%", True, {}),
        ("150%", None, {}),
        ("", False, {}),
    ],
)
def test_gomaxprocs_is_for_builds_that_see_no_quota(
    quota: str, sees: bool | None, expected: dict[str, str]
) -> None:
    program = parse_program({"version": "1", "program": {"sees_cpu_quota": sees}})
    assert go_limits(parse_limits({"cpu_quota": quota}, service="x"), program) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [("268435456", 268435456), ("256M", 268435456), ("1G", 1 << 30), ("64K", 65536), (None, 0)],
)
def test_sizes_are_read_as_by_systemd(size: str | None, expected: int) -> None:
    assert parse_limits({"memory_max": size}, service="x").memory_max == expected


def test_sandbox_and_credential_lines() -> None:
    assert "PrivateNetwork=yes" in sandbox_lines(parse_sandbox({"network": False}, service="x"))
    secrets = parse_credentials([{"name": "a", "src": "b"}], service="x")
    assert credential_lines(secrets, service="x") == ["LoadCredential=a:/etc/gofleet/credentials/x/a"]


def test_hooks_are_written_by_the_given_function() -> None:
    (service,) = parse_services(
        [{"name": "x", "artefact": {"file": "x"}, "hooks": {"reload": ["x", "-r"]}}]
    ).present
    assert "ExecReload=x+-r" in lifecycle_lines(service.lifecycle, command="+".join)


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
    assert settings(arguments=[word])["ExecStart"] == [f"{STORE}/hello {written}"]


def test_quoting_of_each_function() -> None:
    assert command(["a", "$b"]) == 'a "$$b"'
    assert setting("A=$b") == '"A=$b"'
    assert text("two\nlines at 50%") == "two lines at 50%%"


def test_without_a_socket_nothing_requires_one() -> None:
    assert "Requires" in settings()
    assert "Requires" not in settings(socket=False)
