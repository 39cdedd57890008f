# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.merkle import leaf_hash, root_of


def by_the_book(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    left = 1
    while left * 2 < len(leaves):
        left *= 2
    return hashlib.sha256(b"\1" + by_the_book(leaves[:left]) + by_the_book(leaves[left:])).digest()


@pytest.mark.parametrize("count", [*range(18), 255, 256, 257])
def test_the_root(count: int) -> None:
    leaves = [leaf_hash(bytes([index % 256])) for index in range(count)]
    assert root_of(iter(leaves)) == by_the_book(leaves)


def test_a_known_root() -> None:
    """The first leaf of the test vectors of Certificate Transparency is the empty one."""
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of([leaf_hash(b""), leaf_hash(b"\0")]).hex() == (
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    )


def test_a_node_is_no_leaf() -> None:
    one, two = leaf_hash(b"1"), leaf_hash(b"2")
    assert leaf_hash(one + two) != root_of([one, two])
    assert root_of([one, two]) != root_of([two, one])
    assert root_of([one, two, two]) != root_of([one, two, two, two])
