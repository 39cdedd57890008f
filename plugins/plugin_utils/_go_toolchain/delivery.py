# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Deliver Go releases: downloaded by the host, or sent by the controller as an archive or a delta."""

from __future__ import annotations

import os
import typing as t

from ...module_utils._errors import HostError
from ...module_utils._go_toolchain.index import Archive
from ...module_utils._go_toolchain.mirror import GoMirror
from ...module_utils._go_toolchain.options import Payload
from ...module_utils._signature import Signer
from .._delta.cache import DeltaCache
from .._delta.methods import bsdiff_imports
from .archive_cache import ArchiveCache
from .tree_delta import base_for, tree_delta

__all__ = ["Delivery"]


class Delivery:
    """Decide for each release who downloads it, and prepare the files that the controller sends.

    :param mode: the option ``delivery``: auto, host or controller
    :param hosts: how many hosts may need the same releases
    :param cache: a directory of the controller for archives
    :param warn: called with a message when a delta cannot be made and the archive is sent instead
    """

    def __init__(
        self,
        mode: str,
        *,
        mirror: GoMirror,
        signer: Signer | None,
        hosts: int,
        cache: str,
        warn: t.Callable[[str], object],
    ) -> None:
        self.send_all = mode == "controller"  # the host downloads nothing
        self.no_deltas = False
        self._host_downloads = mode == "host"
        self._mirror = mirror
        self._signer = signer
        self._hosts = hosts
        self._cache = cache
        self._archives = ArchiveCache(cache)
        self._warn = warn

    def payloads(
        self, archives: t.Mapping[str, Archive], *, installed: t.Mapping[str, Archive]
    ) -> dict[str, Payload]:
        """The files to send, by version. The host downloads the other releases.

        :param archives: of the releases that the host needs, by version
        :param installed: archives of the complete releases on the host, by version
        :raises HostError: an archive that must be sent cannot be downloaded
        """
        found = {version: self._payload(version, archive, installed) for version, archive in archives.items()}
        return {version: payload for version, payload in found.items() if payload is not None}

    def _payload(self, version: str, archive: Archive, installed: t.Mapping[str, Archive]) -> Payload | None:
        if self._host_downloads:
            return None
        base = None if self.no_deltas else base_for(version, installed, same_minor=not self.send_all)
        if base is not None and (self.send_all or self._is_worth_it(archive, installed[base])):
            try:
                return self._delta(archive, base, installed[base])
            except (HostError, OSError) as error:
                self._warn(f"Making a delta from Go {base} to {version} failed: {error}")
        if self.send_all or self._on_controller(archive):
            return Payload(self._archives.get(archive, mirror=self._mirror, signer=self._signer))
        return None

    def _delta(self, archive: Archive, base: str, old: Archive) -> Payload:
        if self._signer is not None:
            self._archives.get(archive, mirror=self._mirror, signer=self._signer)
        made = tree_delta(
            archive,
            old,
            get=lambda wanted: self._archives.get(wanted, mirror=self._mirror),
            work=self._cache,
            cache=DeltaCache(),
        )
        return Payload(made.path, base, made.root)

    def _is_worth_it(self, archive: Archive, old: Archive) -> bool:
        """Whether the downloads that the controller needs to make a delta are smaller than those of all hosts."""
        missing = sum(one.size for one in (archive, old) if not self._archives.has(one.sha256))
        return bsdiff_imports() and missing < self._hosts * archive.size

    def _on_controller(self, archive: Archive) -> bool:
        """Whether the mirror is a directory of the controller that has the archive. Hosts cannot read it there."""
        directory = self._mirror.directory
        return directory is not None and os.path.exists(os.path.join(directory, archive.filename))
