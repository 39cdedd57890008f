# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.limits import parse_limits, probe_limits

from .._probe.stand_in import FIXTURES, HOSTS, host


def test_limits_are_parsed() -> None:
    text = "Limit                     Soft Limit           Hard Limit           Units     \n"
    text += "Max open files            1024                 unlimited            files     \n"
    assert parse_limits(text) == {"nofile": {"soft": 1024, "hard": None}}


@pytest.mark.parametrize("text", ["", "\x00", "Max open files\n", "Max open files  1024\n", "\xff\xfe ="])
def test_damaged_limits_are_skipped(text: str) -> None:
    assert parse_limits(text) == {}


@pytest.mark.parametrize("kernel", HOSTS)
def test_recorded_limits_are_read(kernel: str) -> None:
    limits = probe_limits(host({}, root=FIXTURES / kernel)).values
    assert set(limits) == {"nofile", "nproc", "memlock", "as", "core", "stack"}
    assert limits["nofile"]["soft"] >= 1024
