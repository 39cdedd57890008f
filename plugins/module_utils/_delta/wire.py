# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""A manifest as a host sends it: all leaves in one answer, short enough for one."""

from __future__ import annotations

import base64
import binascii
import json
import typing as t
import zlib

from .._errors import HostError
from .manifest import LEAF_PREFIX, Entry, Manifest, chunk_size

__all__ = ["Told", "manifest_from_wire", "manifest_to_wire"]

_LIMIT = 512 * 1024 * 1024  # bytes inflated


class Told(Manifest):
    """What a host said of its content. Its digests are cut short, so its root is the one that was told."""

    def __init__(self, entries: t.Iterable[Entry], *, is_tree: bool, root: str) -> None:
        super().__init__(entries, is_tree=is_tree)
        self.root = root


def manifest_to_wire(manifest: Manifest) -> dict[str, t.Any]:
    """As JSON can carry it: ``root``, ``is_tree``, and the names and leaves compressed."""
    names = [[*entry[:4], entry.target] for entry in manifest.entries]
    leaves = b"".join(entry.bytes_alike for entry in manifest.entries)
    return {
        "root": manifest.root,
        "is_tree": manifest.is_tree,
        "names": base64.b64encode(zlib.compress(json.dumps(names).encode(), 9)).decode(),
        "leaves": base64.b64encode(leaves).decode(),
    }


def manifest_from_wire(told: t.Mapping[str, t.Any]) -> Told:
    """Raises HostError for what no host of ours would say."""
    try:
        names = json.loads(zlib.decompressobj().decompress(base64.b64decode(told["names"]), _LIMIT))
        leaves = base64.b64decode(told["leaves"])
        return Told(_entries(names, leaves), is_tree=bool(told["is_tree"]), root=str(told["root"]))
    except (ValueError, KeyError, TypeError, IndexError, zlib.error, binascii.Error) as error:
        raise HostError(
            "what the host says of its content",
            wanted="a manifest",
            found=str(error) or type(error).__name__,
            remedy="Run again; if it repeats, remove the old content on the host.",
        )


def _entries(names: list[list[t.Any]], leaves: bytes) -> t.Iterator[Entry]:
    place = 0
    for path, kind, executable, size, target in names:
        count = max(1, -(-size // chunk_size(size))) if kind == "file" else 0
        end = place + count * LEAF_PREFIX
        if end > len(leaves) or not isinstance(path, str) or not isinstance(target, str):
            raise ValueError("leaves or names that do not fit the sizes")
        cut = tuple(leaves[at : at + LEAF_PREFIX] for at in range(place, end, LEAF_PREFIX))
        yield Entry(path, kind, bool(executable), size, cut, target)
        place = end
    if place != len(leaves):
        raise ValueError("more leaves than the sizes need")
