# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._sysctl.setting import (
    Setting,
    key_path,
    parse_settings,
    read_live,
    satisfies,
    strengthen,
    write_live,
)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("net.core.somaxconn", "net/core/somaxconn"),
        ("net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/conf/eth0.100/rp_filter"),
        ("net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter"),
    ],
)
def test_the_first_separator_decides(name: str, path: str) -> None:
    assert key_path(name) == path


def item(name: str = "net.core.somaxconn", value: str = "1", rule: str = "at_least") -> dict[str, str]:
    return {"name": name, "value": value, "rule": rule}


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([item(), item("net/core/somaxconn", "2")], "each key once"),
        ([item(value="4k")], "whole numbers"),
        ([item(value="")], "whole numbers"),
        ([item(value="x", rule="at_most")], "at_most"),
        ([item("net.ipv4.conf.*.rp_filter")], "name of one key"),
        ([item("")], "name of one key"),
        ([item("net/../../etc/x")], "name of one key"),
    ],
)
def test_invalid_settings_are_refused(items: list[dict[str, str]], words: str) -> None:
    with pytest.raises(HostError, match=words):
        parse_settings(items)


@pytest.mark.parametrize(
    ("rule", "wanted", "live", "target"),
    [
        ("at_least", "10", "4", "10"),
        ("at_least", "10", "40", "40"),
        ("at_least", "4096 87380 16777216", "4096\t131072\t6291456", "4096 131072 16777216"),
        ("at_most", "10", "60", "10"),
        ("at_most", "10", "1", "1"),
        ("exactly", "2", "1", "2"),
        ("exactly", "fq", "fq_codel", "fq"),
    ],
)
def test_a_value_changes_no_more_than_the_rule_needs(rule: str, wanted: str, live: str, target: str) -> None:
    setting = Setting("k", "k", wanted, rule)
    assert strengthen(setting, live) == target
    assert satisfies(setting, target)
    assert satisfies(setting, live) == (target == " ".join(live.split()))


@pytest.mark.parametrize("live", ["1", "fq", ""])
def test_values_with_other_fields_are_not_compared(live: str) -> None:
    with pytest.raises(HostError, match="2 numbers"):
        strengthen(Setting("k", "k", "1 2", "at_least"), live)
    assert not satisfies(Setting("k", "k", "1 2", "at_least"), live)


def test_reads_fields_and_writes_once(tmp_path: pathlib.Path) -> None:
    key = tmp_path / "key"
    key.write_text("4096\t131072\t6291456\n")
    assert read_live(os.fspath(key)) == "4096 131072 6291456"
    write_live(os.fspath(key), "1 2")
    assert key.read_text() == "1 2\n"
