# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""io_uring as liburing sees it, and every layer that can refuse it, made to refuse it."""

from __future__ import annotations

import contextlib
import json
import re
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._io_uring.abi import OPCODES
from ansible_collections.gofleet.hosts.plugins.module_utils._io_uring.setup import SETUPS

testinfra_hosts = ["ansible://go_hosts"]

UNIT = "gofleet-ring.service"
CALLS = "io_uring_setup io_uring_enter io_uring_register"

# liburing-ffi (since 2.4) has the functions that are inline in liburing. io_uring_get_probe is in both.
LIBURING = """
import ctypes, json
try:
    ring = ctypes.CDLL("liburing-ffi.so.2")
    ask = ring.io_uring_opcode_supported
except OSError:
    ring = ctypes.CDLL("liburing.so.2")
    ask = lambda probe, op: ctypes.string_at(probe.value + 16 + 8 * op + 2, 1)[0] & 1
ring.io_uring_get_probe.restype = ctypes.c_void_p
probe = ctypes.c_void_p(ring.io_uring_get_probe())
last = ctypes.string_at(probe.value, 1)[0]
print(json.dumps([op for op in range(last + 1) if ask(probe, op)]))
"""


def release(host: t.Any) -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", host.check_output("uname -r"))
    assert found
    return int(found.group(1)), int(found.group(2))


def layer(result: dict[str, t.Any]) -> tuple[str, str]:
    assert "usable" in result, result
    return result["usable"], result["decided_by"]


@contextlib.contextmanager
def setting(host: t.Any, **values: int) -> t.Iterator[None]:
    """Settings under kernel., put back at the end."""
    before = {name: host.check_output("sysctl -n kernel.%s", name) for name in values}
    try:
        for name, value in values.items():
            host.run_test("sysctl -q -w kernel.%s=%s", name, str(value))
        yield
    finally:
        for name, text in before.items():
            host.run("sysctl -q -w kernel.%s=%s", name, text)


@contextlib.contextmanager
def service(host: t.Any, *lines: str) -> t.Iterator[None]:
    """A service that writes what the kernel knows of it."""
    own = [
        "[Service]",
        "Type=oneshot",
        "ExecStart=/bin/cat /proc/self/status",
        "StandardOutput=file:/run/ring.status",
    ]
    text = "\n".join([*own, *lines])
    try:
        host.run_test("printf '%%s\\n' %s > /run/systemd/system/%s && systemctl daemon-reload", text, UNIT)
        yield
    finally:
        host.run("rm -f /run/systemd/system/%s /run/ring.status; systemctl daemon-reload", UNIT)


@contextlib.contextmanager
def users(host: t.Any, *names: str) -> t.Iterator[None]:
    try:
        for name in names:
            host.run_test("useradd --system --user-group --no-create-home %s", name)
        yield
    finally:
        for name in names:
            host.run("userdel %s", name)


def test_operations_as_liburing_sees_them(host: t.Any, run_module: t.Any) -> None:
    result = run_module("io_uring_info")
    assert layer(result) == ("yes", "kernel")
    found = [op for op, name in enumerate(OPCODES) if result["opcodes"][name]]
    assert found == json.loads(host.check_output("python3 -c %s", LIBURING))
    assert not [name for name in result["opcodes"] if name.startswith("OP_")], "the table lacks an operation"


def test_the_kernel_knows_what_its_version_promises(host: t.Any, run_module: t.Any) -> None:
    setup = run_module("io_uring_info")["setup"]
    for name, way in SETUPS.items():
        since = tuple(int(part) for part in way.since.split("."))
        expected = "yes" if release(host) >= since else "no"
        assert (name, setup[name]["answer"]) == (name, expected), setup[name]["reason"]


@pytest.mark.on("deb12")
def test_the_identity_of_a_unit_is_that_of_its_process(host: t.Any, run_module: t.Any) -> None:
    with service(
        host,
        "DynamicUser=yes",
        "SupplementaryGroups=adm",
        "AmbientCapabilities=CAP_NET_BIND_SERVICE",
        "CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_SYS_NICE",
        "SystemCallFilter=@system-service",
        "LimitMEMLOCK=128K",
        "ProtectHome=yes",
    ):
        host.run_test("systemctl start %s", UNIT)
        status = dict(line.split(":", 1) for line in host.check_output("cat /run/ring.status").splitlines())
        result = run_module("io_uring_info", identity={"unit": UNIT})
    caller = result["caller"]
    assert caller["capabilities"] == f"{int(status['CapEff'], 16):#018x}" == "0x0000000000000400"
    assert caller["seccomp"] == int(status["Seccomp"]) == 2
    # The number of a dynamic user may be another one the next time; that of adm is not.
    assert set(map(int, status["Groups"].split())) - {int(status["Gid"].split()[0])} == set(
        caller["groups"][1:]
    )
    assert result["memlock"] == {"soft": 131072, "hard": 131072}
    assert result["identity"]["not_carried"] == ["ProtectHome=yes"]
    assert layer(result) == ("yes", "kernel")


@pytest.mark.on("deb13")
@pytest.mark.parametrize("value", [2, 1])
def test_off_by_the_setting(host: t.Any, run_module: t.Any, value: int) -> None:
    if release(host) < (6, 6):
        assert run_module("io_uring_info")["sysctl"]["io_uring_disabled"] is None
        pytest.skip("kernel.io_uring_disabled begins with Linux 6.6")
    with setting(host, io_uring_disabled=value):
        root, user = run_module("io_uring_info"), run_module("io_uring_info", identity={})
    assert layer(root) == (("no", "sysctl") if value == 2 else ("yes", "kernel"))
    assert layer(user) == ("no", "sysctl")
    assert user["reason"].startswith(f"EPERM: kernel.io_uring_disabled is {value}")
    assert "Set kernel.io_uring_" in user["advice"]
    assert layer(run_module("io_uring_info", identity={})) == ("yes", "kernel")


@pytest.mark.on("deb13")
def test_off_by_the_group(host: t.Any, run_module: t.Any) -> None:
    if release(host) < (6, 6):
        assert run_module("io_uring_info")["sysctl"]["io_uring_group"] is None
        pytest.skip("kernel.io_uring_group begins with Linux 6.6")
    with users(host, "ring-in", "ring-out"):
        group = int(host.check_output("id -g ring-in"))
        with setting(host, io_uring_disabled=1, io_uring_group=group):
            member = run_module("io_uring_info", identity={"user": "ring-in"})
            other = run_module("io_uring_info", identity={"user": "ring-out"})
            able = run_module(
                "io_uring_info", identity={"user": "ring-out", "capabilities": ["CAP_SYS_ADMIN"]}
            )
    assert layer(member) == layer(able) == ("yes", "kernel")
    assert layer(other) == ("no", "sysctl")
    assert f"SupplementaryGroups={group}" in other["advice"]


@pytest.mark.on("deb12")
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["SystemCallFilter=@system-service"], ("yes", "kernel")),
        ([f"SystemCallFilter=~{CALLS}"], ("no", "seccomp")),
        ([f"SystemCallFilter=~{CALLS}", "SystemCallErrorNumber=EPERM"], ("no", "seccomp")),
        ([f"SystemCallFilter=~{CALLS}", "SystemCallErrorNumber=ENOSYS"], ("no", "seccomp")),
        (
            ["SystemCallFilter=@system-service", f"SystemCallFilter=~{CALLS}", "DynamicUser=yes"],
            ("no", "seccomp"),
        ),
    ],
    ids=["allowed", "kills", "EPERM", "ENOSYS", "taken out of a set"],
)
def test_off_by_the_filter_of_a_unit(
    host: t.Any, run_module: t.Any, lines: list[str], expected: tuple[str, str]
) -> None:
    with service(host, *lines):
        result = run_module("io_uring_info", identity={"unit": UNIT})
    assert layer(result) == expected, result["reason"]
    if expected[0] == "no":
        assert f"SystemCallFilter= in {UNIT}" in result["advice"]
        assert ("SIGSYS" in result["reason"]) is not any("ErrorNumber" in line for line in lines)


@pytest.mark.on("deb12")
def test_a_filter_that_leaves_no_interpreter(host: t.Any, run_module: t.Any) -> None:
    with service(host, "SystemCallFilter=@basic-io"):
        result = run_module("io_uring_info", identity={"unit": UNIT})
    assert result["error"]["subject"] == UNIT
    assert "SIGSYS" in result["error"]["found"]


@pytest.mark.parametrize(("limit", "size"), [("64K", 65536), ("1M", 1 << 20)])
def test_as_much_is_registered_as_the_limit_allows(
    host: t.Any, run_module: t.Any, limit: str, size: int
) -> None:
    result = run_module("io_uring_info", identity={"limit_memlock": limit})
    found = result["registered_buffers"]
    assert (found["limit_bytes"], found["exempt"]) == (size, False)
    charged = release(host) >= (6, 14)
    assert result["charged_rings"]["answer"] == ("yes" if charged else "no")
    # The ring that they are registered with takes two pages of the limit, where rings are charged.
    assert found["registered_bytes"] == (size - 2 * 4096 if charged else size)


@pytest.mark.on("deb12")
def test_off_by_the_limit_of_locked_memory(host: t.Any, run_module: t.Any) -> None:
    none = run_module("io_uring_info", identity={"limit_memlock": "0"})
    if release(host) >= (6, 14):
        assert layer(none) == ("no", "memlock")
    else:
        assert layer(none) == ("yes", "kernel")
        assert none["registered_buffers"]["decided_by"] == "memlock"
    assert "LimitMEMLOCK=" in none["advice"]
    exempt = run_module(
        "io_uring_info", identity={"user": "daemon", "capabilities": ["CAP_IPC_LOCK"], "limit_memlock": "0"}
    )
    assert (exempt["registered_buffers"]["answer"], exempt["registered_buffers"]["exempt"]) == ("yes", True)


@pytest.mark.on("deb12")
@pytest.mark.parametrize(
    ("identity", "found"),
    [
        ({"unit": "no-such"}, "LoadState not-found"),
        ({"user": "no-such"}, "the user does not exist"),
    ],
)
def test_an_identity_that_is_not_there(run_module: t.Any, identity: dict[str, str], found: str) -> None:
    assert run_module("io_uring_info", identity=identity)["error"]["found"] == found
