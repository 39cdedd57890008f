# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import builtins
import errno
import os
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel import kprobes
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.kprobes import (
    Blacklist,
    Traceable,
    parse_blacklist,
    read_blacklist,
    read_traceable,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.lsm import read_lockdown
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.answer import Probe

from .._probe.stand_in import FIXTURES

FUNCTIONS = b"vfs_read\nshow\nshow\nshow [ext4]\next4_sync_file [ext4]\nvfs_read.part.0\n"
LIST = "0xffffffff81000100-0xffffffff81000180\tdo_int3\n0xffffffff81000200-0xffffffff81000210\tasm_exc\n"


def test_functions_are_counted_by_name() -> None:
    listed = Traceable(FUNCTIONS)
    names = ("vfs_read", "show", "ext4_sync_file", "vfs_read.part.0", "fs_read", "vfs", "[ext4]", "")
    assert [listed.count(name) for name in names] == [1, 3, 1, 1, 0, 0, 0, 0]


def test_a_name_is_not_a_regular_expression() -> None:
    assert Traceable(FUNCTIONS).count("vfs.read") == 0


def test_the_blacklist_is_searched_by_address() -> None:
    listed = parse_blacklist(LIST)
    assert listed.names == {"do_int3", "asm_exc"}
    assert listed.forbids("other_name_of_it", [0xFFFFFFFF81000100])
    assert not listed.forbids("do_int3", [0xFFFFFFFF81000180])  # another function with this name
    assert not listed.forbids("vfs_read", [0])


def test_the_blacklist_is_searched_by_name_where_addresses_are_hidden() -> None:
    listed = parse_blacklist("0x0000000000000000-0x0000000000000000\tdo_int3\n")
    assert listed.ranges == ()
    assert listed.forbids("do_int3", [0])
    assert not listed.forbids("vfs_read", [0])


@pytest.mark.parametrize(
    "text",
    ["", "\n\n", "garbage", "0x10\tname", "0xzz-0x10\tname", "0x10-\tname", "\0\0\0", "0x20-0x10", "-\t-"],
)
def test_damaged_lines_are_skipped(text: str) -> None:
    assert parse_blacklist(text) == Blacklist(frozenset(), ())


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_recorded_lists_are_read(kernel: str) -> None:
    listed, forbidden = read_traceable(str(FIXTURES / kernel)), read_blacklist(str(FIXTURES / kernel))
    assert isinstance(listed, Traceable)
    assert isinstance(forbidden, Blacklist)
    assert [
        listed.count(name) for name in ("vfs_read", "pc_show", "show_vpd_pg83", "do_sys_open_nonesuch")
    ] == [1, 2, 1, 0]
    assert {"do_trap", "asm_exc_double_fault", "nmi_handle"} <= forbidden.names
    assert len(set(forbidden.ranges)) == len(forbidden.names)


def test_a_file_system_that_is_not_mounted_is_reported(tmp_path: pathlib.Path) -> None:
    for found, unit in (
        (read_traceable(str(tmp_path)), "sys-kernel-tracing.mount"),
        (read_blacklist(str(tmp_path)), "sys-kernel-debug.mount"),
    ):
        assert isinstance(found, Probe)
        assert (found.answer, found.decided_by) == ("unknown", "kernel")
        assert unit in found.reason


def test_a_missing_file_is_reported(tmp_path: pathlib.Path) -> None:
    (tmp_path / "sys/kernel/tracing/events").mkdir(parents=True)
    found = read_traceable(str(tmp_path))
    assert isinstance(found, Probe)
    assert "built without it" in found.reason


def test_an_empty_list_is_unknown(tmp_path: pathlib.Path) -> None:
    (tmp_path / "sys/kernel/tracing").mkdir(parents=True)
    (tmp_path / "sys/kernel/tracing/available_filter_functions").write_text("\n", encoding="utf-8")
    assert isinstance(read_traceable(str(tmp_path)), Probe)


REFUSED = {
    "not root": (errno.EACCES, "none", "capability", "become"),
    "lockdown integrity is not the reason": (
        errno.EPERM,
        "integrity",
        "kernel",
        "security module that this probe does not know",
    ),
    "lockdown that cannot be read": (errno.EPERM, "", "lockdown", "mount /sys/kernel/security"),
    "not root, and lockdown cannot be read": (errno.EACCES, "", "capability", "become"),
    "lockdown": (errno.EPERM, "confidentiality", "lockdown", "locked down"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_layer_that_refused_is_reported(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    number, lockdown, layer, words = REFUSED[case]
    real = builtins.open

    def refuse(path: t.Any, *arguments: t.Any, **options: t.Any) -> t.Any:
        if "tracing" in str(path) or "debug" in str(path):
            raise OSError(number, os.strerror(number))
        return real(path, *arguments, **options)

    security = tmp_path / "sys/kernel/security"
    security.mkdir(parents=True)
    levels = [
        f"[{level}]" if level == lockdown else level for level in ("none", "integrity", "confidentiality")
    ]
    (security / "lockdown").write_text(" ".join(levels), encoding="utf-8")
    monkeypatch.setattr(builtins, "open", refuse)
    for found in (read_traceable(str(tmp_path)), read_blacklist(str(tmp_path))):
        assert isinstance(found, Probe)
        assert (found.answer, found.decided_by) == ("unknown", layer)
        assert words in found.reason
    assert read_lockdown(str(tmp_path)) == (lockdown or None)


def test_a_directory_that_cannot_be_listed_is_reported(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> list[str]:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(kprobes.os, "listdir", refuse)
    found = read_traceable(str(tmp_path))
    assert isinstance(found, Probe)
    assert found.decided_by == "capability"
