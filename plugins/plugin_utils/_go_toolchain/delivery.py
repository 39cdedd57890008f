# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""How Go releases come to a host: by its own download, or from the controller, as archives or as what differs."""

from __future__ import annotations

import os
import typing as t

from ...module_utils._errors import HostError
from ...module_utils._go_toolchain.index import Archive
from ...module_utils._go_toolchain.mirror import GoMirror
from ...module_utils._signature import Signer
from .._delta.cache import DeltaCache
from .._delta.methods import bsdiff_imports
from .archive_cache import ArchiveCache
from .tree_delta import base_for, tree_delta

__all__ = ["Courier", "Packed"]


class Packed(t.NamedTuple):
    """What is to be sent for one release: a file on the controller; with ``base``, a delta from that release."""

    path: str
    size: int
    base: str | None
    root: str | None


class Courier:
    """
    :param delivery: auto, host or controller
    :param hosts: how many hosts may want the same
    :param warn: is told why something is sent in a dearer way
    """

    def __init__(
        self,
        delivery: str,
        *,
        mirror: GoMirror,
        signer: Signer | None,
        hosts: int,
        cache: str,
        warn: t.Callable[[str], object],
    ) -> None:
        self.forced = delivery == "controller"  # nothing is left to the host
        self.whole = False  # no deltas
        self._by_host = delivery == "host"
        self._mirror = mirror
        self._signer = signer
        self._hosts = hosts
        self._cache = cache
        self._archives = ArchiveCache(cache)
        self._warn = warn

    def pack(
        self, archives: t.Mapping[str, Archive], *, installed: t.Mapping[str, Archive]
    ) -> dict[str, Packed]:
        """What is sent, by version; the host downloads the others.

        :param installed: the archives that the releases on the host came out of
        :raises HostError: what has to be sent cannot be had
        """
        packed = {version: self._packed(version, archive, installed) for version, archive in archives.items()}
        return {version: one for version, one in packed.items() if one is not None}

    def _packed(self, version: str, archive: Archive, installed: t.Mapping[str, Archive]) -> Packed | None:
        if self._by_host:
            return None
        base = None if self.whole else base_for(version, installed, same_series=not self.forced)
        if base is not None and (self.forced or self._pays(archive, installed[base])):
            try:
                return self._delta(archive, base, installed[base])
            except (HostError, OSError) as error:
                self._warn(f"No delta from Go {base} to {version} could be made: {error}")
        if self.forced or self._is_here(archive):
            path = self._archives.get(archive, mirror=self._mirror, signer=self._signer)
            return Packed(path, os.path.getsize(path), None, None)
        return None

    def _delta(self, archive: Archive, base: str, old: Archive) -> Packed:
        if self._signer is not None:
            self._archives.get(archive, mirror=self._mirror, signer=self._signer)
        made = tree_delta(
            archive,
            old,
            get=lambda wanted: self._archives.get(wanted, mirror=self._mirror),
            work=self._cache,
            cache=DeltaCache(),
        )
        return Packed(made.path, made.size, base, made.root)

    def _pays(self, archive: Archive, old: Archive) -> bool:
        """Whether fewer bytes move if the controller gets what it lacks for a delta than if each host downloads."""
        lacking = sum(one.size for one in (archive, old) if not self._archives.has(one.sha256))
        return bsdiff_imports() and lacking < self._hosts * archive.size

    def _is_here(self, archive: Archive) -> bool:
        """Whether the mirror is a directory of the controller: hosts do not have it."""
        directory = self._mirror.directory
        return directory is not None and os.path.exists(os.path.join(directory, archive.filename))
