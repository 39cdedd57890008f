# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Merkle trees of RFC 6962: one hash for a list of pieces, in which no piece passes for a node."""

from __future__ import annotations

import hashlib
import typing as t

__all__ = ["leaf_hash", "root_of"]


def leaf_hash(data: bytes) -> bytes:
    """SHA-256 of a zero byte and the piece."""
    return hashlib.sha256(b"\0" + data).digest()


def root_of(leaves: t.Iterable[bytes]) -> bytes:
    """The root over leaf hashes: the left part always has the largest power of two of them that leaves a right one."""
    # Whole subtrees from left to right, each with the number of leaves in it: at most one of a size, the largest first.
    subtrees: list[tuple[int, bytes]] = []
    for leaf in leaves:
        count, node = 1, leaf
        while subtrees and subtrees[-1][0] == count:
            node = _node(subtrees.pop()[1], node)
            count *= 2
        subtrees.append((count, node))
    if not subtrees:
        return hashlib.sha256().digest()
    root = subtrees.pop()[1]
    while subtrees:
        root = _node(subtrees.pop()[1], root)
    return root


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
