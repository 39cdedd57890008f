# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""The programs that a host was left with, as far as the controller remembers, and deltas from them."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ...module_utils._delta.manifest import read_manifest
from ...module_utils._errors import HostError
from .._delta.cache import DeltaCache
from .._delta.last_sent import DeltaMemory
from .artefact import Artefact
from .delta import Parcel, guess_delta

__all__ = ["ReleaseMemory"]


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
