# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.index import GoRelease
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.version_query import (
    is_floating,
    newest_minor,
    normalize,
    resolve_query,
)

RELEASES = [
    GoRelease(version, "rc" not in version, {})
    for version in ("1.9.7", "1.28rc1", "1.27.3", "1.26.10", "1.26.9", "1.27.0", "1.20", "1.20.14")
]


@pytest.mark.parametrize(
    ("name", "query", "floating"),
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
def test_normal_forms(name: str, query: str, floating: bool) -> None:
    assert normalize(name) == query
    assert is_floating(query) is floating


@pytest.mark.parametrize(
    "name", ["", "latest", "1", "1.2.3.4", "1.27.3\n", "v1.27.3", "gostable", "gogo1.27", "go.mod"]
)
def test_queries_that_are_not_valid(name: str) -> None:
    with pytest.raises(HostError, match="wanted a full version"):
        normalize(name)


@pytest.mark.parametrize(
    ("query", "version"),
    [
        ("stable", "1.27.3"),
        ("oldstable", "1.26.10"),
        ("1.26", "1.26.10"),
        ("1.20", "1.20.14"),
        ("1.9", "1.9.7"),
        ("1.99.9", "1.99.9"),
    ],
)
def test_the_highest_release_not_the_first_in_the_list(query: str, version: str) -> None:
    assert resolve_query(RELEASES, query, source="mirror") == version
    assert resolve_query(RELEASES[::-1], query, source="mirror") == version


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("1.28", "found only 1.28rc1. Ask for a preview by its full name"),
        ("1.30", "found 8 releases from 1.9.7 to 1.28rc1"),
    ],
)
def test_a_minor_without_a_release(query: str, message: str) -> None:
    with pytest.raises(HostError, match=message):
        resolve_query(RELEASES, query, source="mirror")


def test_an_index_with_too_few_releases() -> None:
    with pytest.raises(HostError, match="stable releases of one minor, up to 1.27.3"):
        resolve_query(RELEASES[2:3], "oldstable", source="mirror")
    with pytest.raises(HostError, match="marked stable"):
        resolve_query(RELEASES[1:2], "stable", source="mirror")


def test_newest_minor() -> None:
    assert newest_minor(RELEASES, source="mirror") == 27
