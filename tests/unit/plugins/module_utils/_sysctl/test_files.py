# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._sysctl.files import (
    boot_assignments,
    boot_winner,
    parse_assignments,
)

KEY = "net/core/somaxconn"


def winner(root: pathlib.Path, key: str = KEY) -> tuple[str, str | None] | None:
    found = boot_winner(key, boot_assignments(os.fspath(root), replaced={}))
    return (os.path.basename(found.file), found.value) if found else None


def write(root: pathlib.Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_lines_of_a_file_are_parsed() -> None:
    text = "# c\n; c\n\n net.core.somaxconn=1\n-net/ipv4/tcp_rmem = 1\t2  3\n-net.ipv4.conf.eth0.rp_filter\nnonsense\n"
    assert [(item.path, item.value) for item in parse_assignments("f", text)] == [
        (KEY, "1"),
        ("net/ipv4/tcp_rmem", "1 2 3"),
        ("net/ipv4/conf/eth0/rp_filter", None),
    ]


def test_later_names_win_in_any_directory(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "etc/sysctl.d/10-a.conf", f"{KEY} = 1")
    write(tmp_path, "usr/lib/sysctl.d/50-b.conf", f"{KEY} = 2")
    assert winner(tmp_path) == ("50-b.conf", "2")


def test_a_name_in_an_earlier_directory_masks(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "usr/lib/sysctl.d/50-b.conf", f"{KEY} = 2")
    (tmp_path / "etc/sysctl.d").mkdir(parents=True)
    (tmp_path / "etc/sysctl.d/50-b.conf").symlink_to("/dev/null")
    assert winner(tmp_path) is None


def test_sysctl_conf_counts_only_through_a_link(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "etc/sysctl.conf", f"{KEY} = 3")
    write(tmp_path, "etc/sysctl.d/README", f"{KEY} = 4")
    assert winner(tmp_path) is None
    (tmp_path / "etc/sysctl.d/99-sysctl.conf").symlink_to("../sysctl.conf")
    assert winner(tmp_path) == ("99-sysctl.conf", "3")


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        ({"10": "net.ipv4.conf.*.rp_filter = 2"}, "2"),
        ({"10": "net.ipv4.conf.eth0.rp_filter = 1", "20": "net.ipv4.conf.*.rp_filter = 2"}, "1"),
        ({"10": "net.ipv4.*.rp_filter = 2"}, None),
        ({"10": "net.ipv4.conf.*.rp_filter = 2", "20": "-net.ipv4.conf.eth0.rp_filter"}, None),
        ({"10": "net.ipv4.conf.*.rp_filter = 2", "20": "net.ipv4.conf.eth?.rp_filter = 3"}, "3"),
    ],
)
def test_a_name_wins_over_patterns(tmp_path: pathlib.Path, texts: dict[str, str], value: str | None) -> None:
    for number, text in texts.items():
        write(tmp_path, f"etc/sysctl.d/{number}.conf", text)
    found = winner(tmp_path, "net/ipv4/conf/eth0/rp_filter")
    assert (found[1] if found else None) == value


def test_a_planned_text_replaces_its_file(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "etc/sysctl.d/60-ours.conf", f"{KEY} = 6")
    path = os.path.join(tmp_path, "etc/sysctl.d/60-ours.conf")
    for text, value in ((None, None), (f"{KEY} = 7", "7")):
        found = boot_winner(KEY, boot_assignments(os.fspath(tmp_path), replaced={path: text}))
        assert (found.value if found else None) == value
