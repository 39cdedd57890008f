# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.index import GoRelease
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.version_query import (
    is_moving,
    newest_minor,
    plain_wish,
    resolve_wish,
)

RELEASES = [
    GoRelease(version, "rc" not in version, {})
    for version in ("1.9.7", "1.28rc1", "1.27.3", "1.26.10", "1.26.9", "1.27.0", "1.20", "1.20.14")
]


@pytest.mark.parametrize(
    ("name", "wish", "moving"),
    [
        ("1.27.3", "1.27.3", False),
        ("go1.27.3", "1.27.3", False),
        ("1.28rc1", "1.28rc1", False),
        ("1.27", "1.27", True),
        ("go1.27", "1.27", True),
        ("stable", "stable", True),
        ("oldstable", "oldstable", True),
    ],
)
def test_forms(name: str, wish: str, moving: bool) -> None:
    assert plain_wish(name) == wish
    assert is_moving(wish) is moving


@pytest.mark.parametrize(
    "name", ["", "latest", "1", "1.2.3.4", "1.27.3\n", "v1.27.3", "gostable", "gogo1.27", "go.mod"]
)
def test_what_is_none(name: str) -> None:
    with pytest.raises(HostError, match="wanted a full version"):
        plain_wish(name)


@pytest.mark.parametrize(
    ("wish", "version"),
    [
        ("stable", "1.27.3"),
        ("oldstable", "1.26.10"),
        ("1.26", "1.26.10"),
        ("1.20", "1.20.14"),
        ("1.9", "1.9.7"),
        ("1.99.9", "1.99.9"),
    ],
)
def test_the_highest_and_not_the_first(wish: str, version: str) -> None:
    assert resolve_wish(RELEASES, wish, source="mirror") == version
    assert resolve_wish(RELEASES[::-1], wish, source="mirror") == version


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ("1.28", "found only 1.28rc1. Ask for a preview by its full name"),
        ("1.30", "found 8 releases from 1.9.7 to 1.28rc1"),
    ],
)
def test_a_series_without_a_release(wish: str, message: str) -> None:
    with pytest.raises(HostError, match=message):
        resolve_wish(RELEASES, wish, source="mirror")


def test_an_index_with_too_little() -> None:
    with pytest.raises(HostError, match="those of one, up to 1.27.3"):
        resolve_wish(RELEASES[2:3], "oldstable", source="mirror")
    with pytest.raises(HostError, match="marked stable"):
        resolve_wish(RELEASES[1:2], "stable", source="mirror")


def test_newest_minor() -> None:
    assert newest_minor(RELEASES, source="mirror") == 27
