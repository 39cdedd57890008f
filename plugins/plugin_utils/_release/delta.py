# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Make the delta of a release for a host, from the version that the host is known to have."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import typing as t

from ...module_utils._delta.manifest import Entry, Manifest, chunk_size, read_manifest
from ...module_utils._errors import HostError
from .._delta.cache import DeltaCache
from .._delta.last_sent import DeltaMemory
from .._delta.make import make_delta
from .artefact import Artefact

__all__ = ["Parcel", "ReleaseMemory", "guess_delta", "old_manifest", "pack_delta"]

_LEAF = 32  # bytes
_DEAR = 20  # a delta of more than one part in so many of the program


class Parcel(t.NamedTuple):
    """What is sent for one program: a file on the controller, its bytes, and how it was made."""

    path: str
    size: int
    method: str  # same, chunks, bsdiff or whole
    delta: bool  # False: the program as it is
    hint: str | None
    guess: str | None = None  # root of the program that it starts from, where the host was not asked


def pack_delta(artefact: Artefact, old: t.Mapping[str, t.Any] | None, *, cache: DeltaCache) -> Parcel:
    """
    :param old: what the host tells of the program it has: size, leaves in Base64; None for none
    :raises HostError: the delta cannot be made
    """
    before = None if old is None else old_manifest(old)
    kept = None if before is None else cache.content(before.root)
    return _packed(artefact, before, None if kept is None else kept.path, cache=cache)


def guess_delta(artefact: Artefact, left: str, *, cache: DeltaCache) -> Parcel | None:
    """
    :param left: root of the program that the host was left with
    :return: None where the controller no longer has that one
    :raises HostError: the delta cannot be made
    """
    kept = cache.content(left)
    if kept is None:
        return None
    return _packed(artefact, _as_program(kept.manifest), kept.path, cache=cache)._replace(guess=left)


def _packed(
    artefact: Artefact, before: Manifest | None, old_path: str | None, *, cache: DeltaCache
) -> Parcel:
    new = _as_program(read_manifest(artefact.path))
    delta = make_delta(artefact.path, manifest=new, old=before, old_path=old_path, cache=cache)
    method = next(iter(delta.methods), "same")
    return Parcel(delta.path, delta.size, method, True, delta.hint or _hint(artefact, delta.size, method))


def old_manifest(told: t.Mapping[str, t.Any]) -> Manifest | None:
    """The manifest of a program on a host; None for one that makes no sense, as from a damaged host."""
    try:
        size, leaves = int(told["size"]), base64.b64decode(told["leaves"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None
    count = max(1, -(-size // chunk_size(size)))
    if size < 0 or len(leaves) != count * _LEAF:
        return None
    split = tuple(leaves[at : at + _LEAF] for at in range(0, len(leaves), _LEAF))
    return Manifest([Entry("", "file", True, size, split)], is_tree=False)


def _as_program(manifest: Manifest) -> Manifest:
    (entry,) = manifest.entries
    return Manifest([entry._replace(executable=True)], is_tree=False)


def _hint(artefact: Artefact, sent: int, method: str) -> str | None:
    """Local paths in a program move with the directory it was built in, and with them what follows."""
    if method in ("same", "whole") or sent * _DEAR < artefact.size or artefact.trimpath is not False:
        return None
    return "It was built without -trimpath, so equal sources in another directory give another program: build with it."


class ReleaseMemory:
    """Of the programs of one task on one host."""

    def __init__(
        self, artefacts: t.Mapping[str, Artefact], *, store: str, cache: DeltaCache, places: DeltaMemory
    ) -> None:
        """
        :param store: directory on the host with one folder a program
        :raises HostError: a program that cannot be read
        """
        self._artefacts = artefacts
        self._places = {name: os.path.join(store, name) for name in artefacts}
        self._roots = {name: read_manifest(it.path).root for name, it in artefacts.items()}
        self._cache = cache
        self._memory = places

    def guesses(self) -> dict[str, Parcel]:
        """Deltas from what was left there, of those programs that are others now."""
        found = {}
        # A guess that cannot be made is none.
        with contextlib.suppress(HostError, OSError):
            for name, artefact in self._artefacts.items():
                left = self._memory.recall(self._places[name])
                if left in (None, self._roots[name]) or self._memory.recall(self._version(name)):
                    continue
                parcel = guess_delta(artefact, str(left), cache=self._cache)
                if parcel is not None:
                    found[name] = parcel
        return found

    def keep(self) -> None:
        """The host has all of the programs. What cannot be kept, on a full disk, costs the next run bytes."""
        with contextlib.suppress(HostError, OSError):
            for name, artefact in self._artefacts.items():
                self._cache.keep(artefact.path, self._roots[name])
                for place in (self._places[name], self._version(name)):
                    self._memory.keep(place, self._roots[name])

    def _version(self, name: str) -> str:
        """Where it is remembered that the store has this program, also beside a newer one."""
        return os.path.join(self._places[name], self._roots[name])
