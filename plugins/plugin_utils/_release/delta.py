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
from .._delta.last_sent import LastSent
from .._delta.make import make_delta
from .artefact import Artefact

__all__ = ["LastReleases", "Payload", "guess_delta", "old_manifest", "pack_delta"]

_LEAF = 32  # bytes
_DEAR = 20  # a delta larger than this part of the program gets a hint


class Payload(t.NamedTuple):
    """What is sent for one program: a file on the controller, its size in bytes, and its method."""

    path: str
    size: int
    method: str  # same, chunks, bsdiff or whole
    delta: bool  # False: the whole program
    hint: str | None
    guess: str | None = None  # root of the program that it starts from, if the host was not asked


def pack_delta(artefact: Artefact, old: t.Mapping[str, t.Any] | None, *, cache: DeltaCache) -> Payload:
    """Make the payload for a program from the old program that the host described.

    :param old: size and leaves in Base64; None for no old program
    :raises HostError: the delta cannot be made
    """
    before = None if old is None else old_manifest(old)
    kept = None if before is None else cache.content(before.root)
    return _packed(artefact, before, None if kept is None else kept.path, cache=cache)


def guess_delta(artefact: Artefact, left: str, *, cache: DeltaCache) -> Payload | None:
    """Make the payload for a program from the one that was last sent.

    :param left: root of the program that was last sent to the host
    :return: None where the controller no longer has that program
    :raises HostError: the delta cannot be made
    """
    kept = cache.content(left)
    if kept is None:
        return None
    return _packed(artefact, _as_program(kept.manifest), kept.path, cache=cache)._replace(guess=left)


def _packed(
    artefact: Artefact, before: Manifest | None, old_path: str | None, *, cache: DeltaCache
) -> Payload:
    new = _as_program(read_manifest(artefact.path))
    delta = make_delta(artefact.path, manifest=new, old=before, old_path=old_path, cache=cache)
    method = next(iter(delta.methods), "same")
    return Payload(delta.path, delta.size, method, True, delta.hint or _hint(artefact, delta.size, method))


def old_manifest(reported: t.Mapping[str, t.Any]) -> Manifest | None:
    """The manifest of a program on a host; None where the description is invalid."""
    try:
        size, leaves = int(reported["size"]), base64.b64decode(reported["leaves"], validate=True)
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
    """Return advice where local paths in the program make its delta large."""
    if method in ("same", "whole") or sent * _DEAR < artefact.size or artefact.trimpath is not False:
        return None
    return "It was built without -trimpath, so equal sources in another directory give another program: build with it."


class LastReleases:
    """The programs that were last sent to one host, for the programs of one task."""

    def __init__(
        self, artefacts: t.Mapping[str, Artefact], *, store: str, cache: DeltaCache, last_sent: LastSent
    ) -> None:
        """
        :param store: directory on the host with one folder a program
        :raises HostError: a program that cannot be read
        """
        self._artefacts = artefacts
        self._last_sent = {name: os.path.join(store, name) for name in artefacts}
        self._roots = {name: read_manifest(it.path).root for name, it in artefacts.items()}
        self._cache = cache
        self._memory = last_sent

    def guesses(self) -> dict[str, Payload]:
        """Deltas from what was last sent, for the programs that are different now."""
        found = {}
        # Without a guess the host is asked.
        with contextlib.suppress(HostError, OSError):
            for name, artefact in self._artefacts.items():
                left = self._memory.recall(self._last_sent[name])
                if left in (None, self._roots[name]) or self._memory.recall(self._version(name)):
                    continue
                payload = guess_delta(artefact, str(left), cache=self._cache)
                if payload is not None:
                    found[name] = payload
        return found

    def keep(self) -> None:
        """Remember that the host has all programs. A failure, as on a full disk, costs the next run bytes only."""
        with contextlib.suppress(HostError, OSError):
            for name, artefact in self._artefacts.items():
                self._cache.keep(artefact.path, self._roots[name])
                for place in (self._last_sent[name], self._version(name)):
                    self._memory.keep(place, self._roots[name])

    def _version(self, name: str) -> str:
        """The key under which a program of the store is remembered, also beside a newer one."""
        return os.path.join(self._last_sent[name], self._roots[name])
