# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.support import (
    KNOWN_ON,
    RELEASED,
    NewestGo,
    minor_of,
    newest_go,
    supported,
    toolchain_age_days,
)

DAY = datetime.date(2026, 11, 22)


@pytest.mark.parametrize(
    ("version", "answer"),
    [
        ("go1.27.3", "yes"),
        ("go1.26", "yes"),
        ("go1.26.6 X:nodwarf5", "yes"),
        ("go1.26.6-X:nodwarf5", "yes"),
        ("go1.26.4 (Red Hat 1.26.4-1.el10)", "yes"),
        ("go1.30.1", "yes"),
        ("go1.25.9", "no"),
        ("go1.2", "no"),
        ("go1.27rc1", "no"),
        ("go1.27beta1", "no"),
        ("devel go1.28-3c5ef2b Tue Nov 3 2026", "no"),
        ("unknown", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_two_newest_minors_are_supported(version: str, answer: str) -> None:
    assert supported(version, newest=NewestGo(27, True)) == answer


@pytest.mark.parametrize(
    ("version", "answer"), [("go1.27.3", "yes"), ("go1.26.6", "unknown"), ("go1.25.1", "no")]
)
def test_the_older_minor_is_unknown_when_a_newer_one_is_due(version: str, answer: str) -> None:
    assert supported(version, newest=NewestGo(27, False)) == answer


@pytest.mark.parametrize(
    ("option", "today", "newest"),
    [
        (None, DAY, NewestGo(27, True)),
        (None, datetime.date(2027, 2, 15), NewestGo(27, False)),
        ("1.28", datetime.date(2027, 9, 1), NewestGo(28, True)),
        ("go1.28.1", DAY, NewestGo(28, True)),
    ],
)
def test_the_newest_minor(option: str | None, today: datetime.date, newest: NewestGo) -> None:
    assert newest_go(option, today=today) == newest


@pytest.mark.parametrize("option", ["1", "1.x", "", "2.0", "1.27rc1"])
def test_an_invalid_minor_is_refused(option: str) -> None:
    with pytest.raises(HostError, match=r"a minor of Go like 1\.27"):
        newest_go(option, today=DAY)


def test_age_counts_from_the_first_release_of_the_minor() -> None:
    assert toolchain_age_days("go1.26.6", today=DAY) == 285
    assert toolchain_age_days("go1.26", today=datetime.date(2020, 1, 1)) == 0  # a clock that is wrong
    assert toolchain_age_days("go1.99", today=DAY) is None
    assert toolchain_age_days("", today=DAY) is None


def test_minor_of() -> None:
    texts = ("go1.26.6", "devel go1.28-abc", "x", f"go1.{'9' * 5000}")
    assert [minor_of(text) for text in texts] == [26, 28, None, None]


def test_the_table_has_no_gap_and_a_minor_each_half_year() -> None:
    assert list(RELEASED) == list(range(13, max(RELEASED) + 1))
    days = list(RELEASED.values())
    assert all(120 < (later - earlier).days < 250 for earlier, later in zip(days, days[1:]))
    assert max(days) <= KNOWN_ON
    assert NewestGo(27, True).report() == {
        "version": "1.27",
        "certain": True,
        "known_on": KNOWN_ON.isoformat(),
    }
