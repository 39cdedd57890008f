# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import runpy

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.sysctl import (
    SYSCTLS,
    Value,
    parse_value,
    probe_sysctl,
    read_setting,
)

from .._probe.stand_in import FIXTURES, HOSTS, host


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
def test_values(key: str, text: str, value: Value) -> None:
    assert parse_value(key, text) == value


def test_a_key_that_the_kernel_does_not_know_is_none(tmp_path: pathlib.Path) -> None:
    assert set(probe_sysctl(host({}, root=tmp_path)).values.values()) == {None}


def test_each_key_once() -> None:
    assert len(set(SYSCTLS)) == len(SYSCTLS)


@pytest.mark.parametrize("kernel", HOSTS)
def test_recorded_settings(kernel: str) -> None:
    values = probe_sysctl(host({}, root=FIXTURES / kernel)).values
    assert list(values) == list(SYSCTLS)
    assert values["net.core.somaxconn"] == 4096
    assert values["net.ipv4.ip_local_port_range"] == [32768, 60999]
    assert len(values["fs.file-nr"]) == 3
    assert isinstance(values["kernel.core_pattern"], str)


def test_io_uring_is_off_on_the_host_recorded_for_that() -> None:
    values = probe_sysctl(host({}, root=FIXTURES / "6.12-no-io_uring")).values
    assert values["kernel.io_uring_disabled"] == 2
    assert not (FIXTURES / "6.12-no-io_uring" / "io_uring").exists()


def test_a_key_that_is_not_shown_has_an_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "proc" / "sys" / "vm" / "swappiness").mkdir(parents=True)
    assert read_setting(str(tmp_path), "vm.swappiness").error


def test_the_recorder_keeps_every_key() -> None:
    recorded = runpy.run_path(str(FIXTURES / "record.py"))["_SYSCTLS"]
    assert sorted(recorded.split()) == sorted(SYSCTLS)
