# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""What a store of Go releases remembers beyond its trees: what moving names meant, and which path was taken over."""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from .._atomic import write_text
from .index import is_version
from .version_query import is_moving

__all__ = ["Record", "forget", "read_record", "write_record"]

_NAME = ".gofleet-go.json"
_LIMIT = 65536  # bytes


class Record(t.NamedTuple):
    """Releases by the moving names that they were asked for by; paths that are links into the store since then."""

    pins: dict[str, str]
    adopted: list[str]


def read_record(store: str) -> Record:
    """The record of a store; an empty one where there is none that can be read."""
    try:
        with open(os.path.join(store, _NAME), "rb") as file:
            found = json.loads(file.read(_LIMIT))
        pins, adopted = dict(found["pins"]), list(found["adopted"])
    except (OSError, ValueError, KeyError, TypeError):
        return Record({}, [])
    return Record(
        {
            name: version
            for name, version in pins.items()
            if is_moving(name) and isinstance(version, str) and is_version(version)
        },
        [path for path in adopted if isinstance(path, str) and os.path.isabs(path)],
    )


def write_record(store: str, record: Record) -> None:
    """Called by who holds the store's lock."""
    if record != read_record(store):
        _remove_leftovers(store)
        write_text(os.path.join(store, _NAME), json.dumps(record._asdict(), indent=1, sort_keys=True) + "\n")


def forget(store: str) -> None:
    """Called by who holds the store's lock."""
    _remove_leftovers(store)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(store, _NAME))


def _remove_leftovers(store: str) -> None:
    """What a run left that was killed while it wrote."""
    for name in os.listdir(store):
        if name.startswith(f".{_NAME}."):
            os.unlink(os.path.join(store, name))
