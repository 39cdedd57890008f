# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.policy import (
    check_name,
    declared_names,
    label_names,
    mode_flags,
    parse_modes,
    parser_message,
    process_label,
    read_kernel,
)


@pytest.mark.parametrize("name", ["", ".hidden", "usr/bin/x", "a b", 'a"b', "a\n"])
def test_a_name_that_cannot_be_a_file_name_is_invalid(name: str) -> None:
    assert check_name(name) is not None


@pytest.mark.parametrize("name", ["hello", "usr.bin.hello", "hello-2@x"])
def test_a_plain_name_is_valid(name: str) -> None:
    assert check_name(name) is None


def test_modes_are_read_with_their_names() -> None:
    text = "hello (enforce)\n/usr/bin/man (complain)\nhello//child (enforce)\nwith space (unconfined)\n"
    assert parse_modes(text) == {
        "hello": "enforce",
        "/usr/bin/man": "complain",
        "hello//child": "enforce",
        "with space": "unconfined",
    }


@pytest.mark.parametrize(
    ("label", "names"),
    [
        ("hello (enforce)", ["hello"]),
        ("unconfined", []),
        ("unconfined\n", []),
        ("a//&b (complain)", ["a", "b"]),
        ("hello (enforce)\n\0", ["hello"]),
    ],
)
def test_a_label_names_its_profiles(label: str, names: list[str]) -> None:
    assert label_names(label) == names


def test_children_are_not_declared_names() -> None:
    assert declared_names("hello\nhello//child\n\nother\n") == ["hello", "other"]


def test_parser_message_omits_notices() -> None:
    err = (
        "Warning from stdin (line 1): config file '/etc/apparmor/parser.conf' not found\n"
        "Cache read/write disabled: interface file missing.\n"
        "AppArmor parser error at line 3: missing an end of line character? (entry: /bin/x)\n"
    )
    expected = "AppArmor parser error at line 3: missing an end of line character? (entry: /bin/x)"
    assert parser_message(err) == expected
    assert parser_message("") == "no message"


@pytest.mark.parametrize(
    ("content", "flags"),
    [
        ("profile hello {\n}", []),
        ("profile hello flags=(complain) {\n}", ["complain"]),
        ("# profile hello flags=(complain) {\nprofile hello flags=(attach_disconnected) {}", []),
        ("profile hello /opt/@{x} flags=(attach_disconnected, complain) {", ["complain"]),
        ("profile hello {\n profile child flags=(complain) {} }", []),
        ("profile hello2 flags=(complain) {}\nprofile hello {}", []),
    ],
)
def test_only_flags_of_the_named_header_count(content: str, flags: list[str]) -> None:
    assert mode_flags(content, "hello") == flags


def _sysfs(root: pathlib.Path, *, enabled: str | None, profiles: str | None) -> str:
    if enabled is not None:
        (root / "module/apparmor/parameters").mkdir(parents=True)
        (root / "module/apparmor/parameters/enabled").write_text(enabled)
    if profiles is not None:
        (root / "kernel/security/apparmor").mkdir(parents=True)
        (root / "kernel/security/apparmor/profiles").write_text(profiles)
    return str(root)


@pytest.mark.parametrize(
    ("enabled", "profiles", "off"),
    [
        (None, None, "the kernel has no AppArmor"),
        ("N\n", None, "AppArmor is switched off in the kernel"),
        ("Y\n", None, "securityfs shows no AppArmor here, as in a container"),
        ("Y\n", "a (enforce)\n", None),
    ],
)
def test_read_kernel_shows_why_apparmor_is_off(
    tmp_path: pathlib.Path, enabled: str | None, profiles: str | None, off: str | None
) -> None:
    kernel = read_kernel(sysfs=_sysfs(tmp_path, enabled=enabled, profiles=profiles))
    assert kernel.off == off
    assert kernel.modes == ({"a": "enforce"} if off is None else {})


def test_the_label_comes_from_attr_apparmor_first(tmp_path: pathlib.Path) -> None:
    attributes = tmp_path / "7/attr"
    attributes.mkdir(parents=True)
    (attributes / "current").write_text("old (enforce)\n")
    assert process_label(7, proc=str(tmp_path)) == "old (enforce)"
    (attributes / "apparmor").mkdir()
    (attributes / "apparmor/current").write_text("hello (complain)\n")
    assert process_label(7, proc=str(tmp_path)) == "hello (complain)"
    assert process_label(8, proc=str(tmp_path)) is None
