# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read and write the record of a store of Go releases.

It has the releases of floating version queries, and the paths that were taken over.
"""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from .._atomic import write_text
from .index import is_version
from .version_query import is_floating

__all__ = ["Record", "read_record", "remove_record", "write_record"]

_NAME = ".gofleet-go.json"
_LIMIT = 65536  # bytes


class Record(t.NamedTuple):
    """What a store remembers between runs."""

    pins: dict[str, str]  # releases by the floating version queries that resolved to them
    adopted: list[str]  # paths that were taken over and are links into the store now


def read_record(store: str) -> Record:
    """The record of a store, or an empty one if it is missing or cannot be read."""
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
            if is_floating(name) and isinstance(version, str) and is_version(version)
        },
        [path for path in adopted if isinstance(path, str) and os.path.isabs(path)],
    )


def write_record(store: str, record: Record) -> None:
    """Write the record of a store if it changed. The caller holds the store's lock."""
    if record != read_record(store):
        _remove_leftovers(store)
        write_text(os.path.join(store, _NAME), json.dumps(record._asdict(), indent=1, sort_keys=True) + "\n")


def remove_record(store: str) -> None:
    """Remove the record of a store. The caller holds the store's lock."""
    _remove_leftovers(store)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(store, _NAME))


def _remove_leftovers(store: str) -> None:
    """Remove temporary files of runs that were killed while they wrote the record."""
    for name in os.listdir(store):
        if name.startswith(f".{_NAME}."):
            os.unlink(os.path.join(store, name))
