# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.clock import (
    have_fast_clock,
    have_time_namespaces,
    parse_offsets,
    probe_clock,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .._probe.stand_in import FIXTURES, HOSTS, NOBODY, ROOT, host

SOURCE = pathlib.Path("sys/devices/system/clocksource/clocksource0/current_clocksource")


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("tsc\n", "yes"),
        ("kvm-clock\n", "yes"),
        ("arch_sys_counter\n", "yes"),
        ("hyperv_clocksource_tsc_page\n", "yes"),
        ("hpet\n", "no"),
        ("acpi_pm\n", "no"),
        ("xen\n", "unknown"),
        ("\n", "unknown"),
        ("\x00\n", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_clock_source_decides(tmp_path: pathlib.Path, source: str | None, answer: str) -> None:
    if source is not None:
        (tmp_path / SOURCE).parent.mkdir(parents=True)
        (tmp_path / SOURCE).write_text(source)
    probe = have_fast_clock(host({}, root=tmp_path))
    assert probe.answer == answer
    assert answer != "no" or "system call" in probe.reason


@pytest.mark.parametrize(
    ("outcome", "caller", "answer", "decided_by"),
    [
        (Outcome(0, 0), ROOT, "yes", "kernel"),
        (Outcome(-1, errno.EINVAL), ROOT, "no", "kernel"),
        (Outcome(-1, errno.ENOSPC), ROOT, "no", "sysctl"),
        (Outcome(-1, errno.EPERM), NOBODY, "no", "capability"),
        (Outcome(-1, errno.EPERM), NOBODY._replace(seccomp=2), "no", "capability"),
        (Outcome(-1, errno.EPERM), ROOT._replace(seccomp=2), "no", "seccomp"),
        (Outcome(-1, 0, killed=True), ROOT, "no", "seccomp"),
        (Outcome(-1, 0), ROOT, "unknown", "kernel"),
    ],
)
def test_time_namespaces_are_tried(outcome: Outcome, caller: object, answer: str, decided_by: str) -> None:
    probe = have_time_namespaces(host({"unshare": outcome}, caller=caller))  # type: ignore[arg-type]
    assert (probe.answer, probe.decided_by) == (answer, decided_by)


def test_time_namespaces_of_an_unknown_architecture_are_unknown() -> None:
    assert have_time_namespaces(host({}, caller=ROOT)._replace(machine="m68k")).answer == "unknown"


def test_offsets_are_parsed() -> None:
    text = "monotonic     3600         500000000\nboottime        -10         0\n"
    assert parse_offsets(text) == {"monotonic": 3600.5, "boottime": -10.0}


@pytest.mark.parametrize(
    "text", ["", "\x00", "monotonic\n", "monotonic 1\n", "monotonic a b\n", "realtime 1 0\n"]
)
def test_damaged_offsets_are_skipped(text: str) -> None:
    assert parse_offsets(text) == {}


@pytest.mark.parametrize("kernel", HOSTS)
def test_recorded_clocks_are_read(kernel: str) -> None:
    facts = probe_clock(host({"unshare": Outcome(0, 0)}, root=FIXTURES / kernel))
    assert facts.values["clocksource"] == "tsc"
    assert "tsc" in facts.values["available"]
    assert facts.values["offsets"] == {"monotonic": 0.0, "boottime": 0.0}
    assert facts.capabilities["fast_clock"].answer == "yes"


@pytest.mark.parametrize(
    ("link", "inode", "initial"),
    [
        ("time:[4026531834]", 4026531834, True),
        ("time:[4026532501]", 4026532501, False),
        ("net:[1]", None, None),
        ("", None, None),
    ],
)
def test_the_time_namespace_is_read(
    tmp_path: pathlib.Path, link: str, inode: int | None, initial: bool | None
) -> None:
    (tmp_path / "proc" / "self" / "ns").mkdir(parents=True)
    if link:
        (tmp_path / "proc" / "self" / "ns" / "time").symlink_to(link)
    values = probe_clock(host({}, root=tmp_path, caller=ROOT)).values
    assert (values["time_namespace"], values["initial_time_namespace"]) == (inode, initial)
