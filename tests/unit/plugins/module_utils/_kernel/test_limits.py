# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.limits import parse_limits, probe_sysctl

from .stand_in import host


def test_limits() -> None:
    text = "Limit                     Soft Limit           Hard Limit           Units     \n"
    text += "Max open files            1024                 unlimited            files     \n"
    assert parse_limits(text) == {"nofile": {"soft": 1024, "hard": None}}
    assert parse_limits("Max open files\n") == {}
    assert parse_limits("\x00") == {}


def test_a_key_that_the_kernel_does_not_know_is_none(tmp_path: pathlib.Path) -> None:
    assert set(probe_sysctl(host({}, root=tmp_path)).values.values()) == {None}
