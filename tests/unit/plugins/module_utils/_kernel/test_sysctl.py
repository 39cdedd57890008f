# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import runpy
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.sysctl import (
    SYSCTLS,
    Value,
    parse_command_line,
    parse_value,
    probe_sysctl,
    read_origins,
    read_setting,
)

from .._probe.stand_in import FIXTURES, HOSTS, KERNELS, host


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("net.core.somaxconn", "4096\n", 4096),
        ("net.core.somaxconn", "-1\n", -1),
        ("net.core.somaxconn", "0x10", 16),
        ("net.core.somaxconn", "010", 8),
        ("net.core.somaxconn", "0", 0),
        ("net.ipv4.tcp_rmem", "4096\t131072\t6291456\n", [4096, 131072, 6291456]),
        ("net.ipv4.ip_local_port_range", "32768 60999", [32768, 60999]),
        ("net.ipv4.tcp_congestion_control", "cubic\n", "cubic"),
        ("kernel.core_pattern", "|/usr/bin/catch  %p\n", "|/usr/bin/catch %p"),
        ("kernel.core_pattern", "12\n", "12"),
        ("net.ipv4.ip_local_reserved_ports", "8080\n", "8080"),
        ("net.ipv4.ip_local_reserved_ports", "\n", ""),
        ("net.core.somaxconn", "", ""),
        ("net.core.somaxconn", "12 twelve", "12 twelve"),
        ("net.core.somaxconn", "0x", "0x"),
        ("net.core.somaxconn", "\x00\ufffd", "\x00\ufffd"),
    ],
)
def test_values_are_parsed(key: str, text: str, value: Value) -> None:
    assert parse_value(key, text) == value


def test_a_key_that_the_kernel_does_not_know_is_none(tmp_path: pathlib.Path) -> None:
    assert set(probe_sysctl(host({}, root=tmp_path)).values.values()) == {None}


def test_each_key_is_listed_once() -> None:
    assert len(set(SYSCTLS)) == len(SYSCTLS)


@pytest.mark.parametrize("kernel", HOSTS)
def test_recorded_settings_are_read(kernel: str) -> None:
    values = probe_sysctl(host({}, root=FIXTURES / kernel)).values
    assert list(values) == list(SYSCTLS)
    assert values["net.core.somaxconn"] == 4096
    assert values["net.ipv4.ip_local_port_range"] == [32768, 60999]
    assert len(values["fs.file-nr"]) == 3
    assert isinstance(values["kernel.core_pattern"], str)


def test_io_uring_is_disabled_on_one_recorded_host() -> None:
    values = probe_sysctl(host({}, root=FIXTURES / "6.12-no-io_uring")).values
    assert values["kernel.io_uring_disabled"] == 2
    assert not (FIXTURES / "6.12-no-io_uring" / "io_uring").exists()


def test_an_unreadable_key_has_an_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "proc" / "sys" / "vm" / "swappiness").mkdir(parents=True)
    assert read_setting(str(tmp_path), "vm.swappiness").error


def test_the_recorder_records_every_key() -> None:
    recorded = runpy.run_path(str(FIXTURES / "record.py"))["_SYSCTLS"]
    assert sorted(recorded.split()) == sorted(SYSCTLS)


KEY = "net.core.somaxconn"
LIVE = "proc/sys/net/core/somaxconn"


def origins_of(root: pathlib.Path) -> dict[str, dict[str, t.Any]]:
    return read_origins(str(root), probe_sysctl(host({}, root=root)).values)


def origin(root: pathlib.Path, files: t.Mapping[str, str], key: str = KEY) -> dict[str, t.Any]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return origins_of(root)[key]


A = "etc/sysctl.d/10-a.conf"
B = "usr/lib/sysctl.d/90-b.conf"
SETS_4096 = f"# ours\n{KEY} = 4096\n"
SETS_128 = f"{KEY}=128\n"

# Files, and the expected origin: file and line of the live value, then file, line and value at boot, and whether they
# differ.
CASES: dict[str, tuple[dict[str, str], tuple[t.Any, ...], str]] = {
    "one file": ({LIVE: "4096\n", A: SETS_4096}, (f"/{A}", 2, f"/{A}", 2, 4096, False), "sets it at boot"),
    "a later file wins": (
        {LIVE: "4096\n", A: SETS_4096, B: SETS_128},
        (f"/{A}", 2, f"/{B}", 1, 128, True),
        f"/{A}:2, and at boot /{B}:1 wins with 128",
    ),
    "by hand": (
        {LIVE: "512\n", A: SETS_4096},
        (None, None, f"/{A}", 2, 4096, True),
        f"no file has this value (set by hand or by a program), and at boot /{A}:2 wins with 4096",
    ),
    "two lines of one file": (
        {LIVE: "2\n", A: f"{KEY}=1\n{KEY}=2\n"},
        (f"/{A}", 2, f"/{A}", 2, 2, False),
        f"/{A}:2 sets it at boot",
    ),
    "both agree": (
        {LIVE: "128\n", A: SETS_128, B: SETS_128},
        (f"/{B}", 1, f"/{B}", 1, 128, False),
        f"/{B}:1 sets it at boot",
    ),
    "no file": ({LIVE: "4096\n"}, (None, None, None, None, None, False), "no file of sysctl.d sets it"),
    "masked": (
        {LIVE: "128\n", B: SETS_128, "etc/sysctl.d/90-b.conf": ""},
        (None, None, None, None, None, False),
        "no file of sysctl.d sets it",
    ),
    "a pattern": (
        {LIVE: "128\n", A: "net.core.some* = 128\nnet.core.soma* = 128\n"},
        (f"/{A}", 2, f"/{A}", 2, 128, False),
        f"/{A}:2 sets it at boot",
    ),
    "the name beats a later pattern": (
        {LIVE: "128\n", A: SETS_128, B: "net.core.* = 7\n"},
        (f"/{A}", 1, f"/{A}", 1, 128, False),
        f"/{A}:1 sets it at boot",
    ),
    "taken out of the patterns": (
        {LIVE: "128\n", A: f"-{KEY}\n", B: "net.core.* = 7\n"},
        (None, None, None, None, None, False),
        "no file of sysctl.d sets it",
    ),
    "a dash forgives": (
        {LIVE: "128\n", A: f"-{KEY} = 128\n"},
        (f"/{A}", 1, f"/{A}", 1, 128, False),
        f"/{A}:1 sets it at boot",
    ),
    "a file that boot does not read": (
        {LIVE: "128\n", "etc/sysctl.conf": SETS_128},
        ("/etc/sysctl.conf", 1, None, None, None, False),
        "/etc/sysctl.conf:1 has this value, but boot does not read that file",
    ),
    "a file that boot does not read, and one that it reads": (
        {LIVE: "128\n", "etc/sysctl.conf": SETS_128, A: SETS_4096},
        ("/etc/sysctl.conf", 1, f"/{A}", 2, 4096, True),
        f"/etc/sysctl.conf:1, and at boot /{A}:2 wins with 4096",
    ),
    "the command line": (
        {LIVE: "128\n", "proc/cmdline": f"root=/dev/vda sysctl.{KEY}=128 quiet\n"},
        ("/proc/cmdline", None, "/proc/cmdline", None, 128, False),
        "/proc/cmdline sets it at boot",
    ),
    "a file after the command line": (
        {LIVE: "128\n", "proc/cmdline": f"sysctl.{KEY}=128\n", A: SETS_4096},
        ("/proc/cmdline", None, f"/{A}", 2, 4096, True),
        f"/proc/cmdline, and at boot /{A}:2 wins with 4096",
    ),
    "not in this kernel": (
        {A: SETS_128},
        (None, None, f"/{A}", 1, 128, False),
        f"is not in this kernel now (a module may bring it); /{A}:1 sets it at boot",
    ),
    "settings that nobody may write": (
        {LIVE: "512\n", A: SETS_4096, "proc/self/mounts": "proc /proc/sys proc ro,nosuid,relatime 0 0\n"},
        (None, None, None, None, None, False),
        "/proc/sys is read-only here, as in a container: boot sets nothing",
    ),
    "settings that may be written": (
        {LIVE: "4096\n", A: SETS_4096, "proc/self/mounts": "proc /proc/sys proc rw 0 0\nproc /proc/sys\n"},
        (f"/{A}", 2, f"/{A}", 2, 4096, False),
        f"/{A}:2 sets it at boot",
    ),
    "another way to write the number": (
        {LIVE: "128\n", A: f"{KEY} = 0x80\n"},
        (f"/{A}", 1, f"/{A}", 1, 128, False),
        f"/{A}:1 sets it at boot",
    ),
}


@pytest.mark.parametrize(("files", "expected", "reason"), CASES.values(), ids=CASES.keys())
def test_the_origin_is_found(
    tmp_path: pathlib.Path, files: dict[str, str], expected: tuple[t.Any, ...], reason: str
) -> None:
    found = origin(tmp_path, files)
    names = ("file", "line", "wins", "wins_line", "boot_value", "overridden")
    assert tuple(found[name] for name in names) == expected
    assert reason in found["reason"]
    assert found["value"] == (found["live"] if found["file"] else None)


def test_several_numbers_are_compared_as_numbers(tmp_path: pathlib.Path) -> None:
    files = {
        "proc/sys/net/ipv4/tcp_rmem": "4096\t131072\t6291456\n",
        A: "net/ipv4/tcp_rmem = 4096  131072 6291456\n",
    }
    found = origin(tmp_path, files, "net.ipv4.tcp_rmem")
    assert (found["live"], found["overridden"]) == ([4096, 131072, 6291456], False)


def test_boot_reads_sysctl_conf_through_a_link(tmp_path: pathlib.Path) -> None:
    (tmp_path / "etc" / "sysctl.d").mkdir(parents=True)
    (tmp_path / "etc" / "sysctl.d" / "99-sysctl.conf").symlink_to("../sysctl.conf")
    found = origin(tmp_path, {LIVE: "128\n", "etc/sysctl.conf": SETS_128})
    assert (found["file"], found["wins"]) == ("/etc/sysctl.d/99-sysctl.conf",) * 2


def test_a_setting_that_cannot_be_read_has_a_reason(tmp_path: pathlib.Path) -> None:
    (tmp_path / LIVE).mkdir(parents=True)
    found = origin(tmp_path, {A: SETS_128})
    assert (found["live"], found["boot_value"], found["overridden"]) == (None, 128, False)
    assert found["reason"].startswith("cannot be read (")


@pytest.mark.parametrize(
    "text", ["", "\x00\udcff", "=\n", f"{KEY}\n", f"{KEY} 12\n", "= 12\n", "[section]\n"]
)
def test_damaged_files_set_nothing(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / A).parent.mkdir(parents=True)
    (tmp_path / A).write_text(text, errors="surrogateescape")
    found = origin(tmp_path, {LIVE: "128\n"})
    assert (found["wins"], found["overridden"]) == (None, False)


@pytest.mark.parametrize("text", ["", "\x00", "sysctl", "sysctl.", "sysctl.vm.swappiness", "vm.swappiness=1"])
def test_damaged_command_lines_set_nothing(text: str) -> None:
    assert parse_command_line(text) == []


def test_the_command_line_is_parsed() -> None:
    (dotted, slashed) = parse_command_line("quiet sysctl.vm.swappiness=1 sysctl/vm/swappiness=2\n")
    assert (dotted.path, dotted.value, slashed.path, slashed.value) == (
        "vm/swappiness",
        "1",
        "vm/swappiness",
        "2",
    )


@pytest.mark.parametrize("kernel", [*KERNELS, "6.12-no-io_uring"])
def test_recorded_hosts_have_origins(kernel: str) -> None:
    origins = origins_of(FIXTURES / kernel)
    found = origins["kernel.pid_max"]
    assert (found["wins"], found["boot_value"]) == ("/usr/lib/sysctl.d/50-pid-max.conf", 4194304)
    # Boot has read the file, except on a host that did not boot with systemd.
    assert found["overridden"] is (kernel == "6.18")
    assert origins[KEY]["wins"] is None


def test_boot_sets_nothing_in_a_recorded_container() -> None:
    origins = origins_of(FIXTURES / "container")
    assert origins["kernel.pid_max"]["live"] == 4194304
    assert {origin["wins"] for origin in origins.values()} == {None}
    assert {origin["overridden"] for origin in origins.values()} == {False}
