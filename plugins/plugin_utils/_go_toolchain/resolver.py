# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""What the controller knows of Go releases: by its lock file, else by the mirror's index."""

from __future__ import annotations

import typing as t

from ...module_utils._errors import HostError
from ...module_utils._go_toolchain.index import Archive, archive_of
from ...module_utils._go_toolchain.version_query import is_moving, newest_minor, resolve_wish
from .index_cache import Index
from .lock_file import VersionLock

__all__ = ["Resolver"]


class Resolver:
    """
    :param index: gets the index, when it is first needed
    :param update: moving names are looked up anew, whatever the lock says
    """

    def __init__(self, *, index: t.Callable[[], Index], lock: VersionLock | None, update: bool) -> None:
        self._ask = index
        self._lock = lock
        self._update = update
        self._index: Index | None = None

    @property
    def needs_no_host(self) -> bool:
        """Whether it answers for all hosts alike, and no host's own record counts."""
        return self._lock is not None or self._update

    def resolve(self, wishes: t.Iterable[str]) -> dict[str, str]:
        """The releases that moving names mean.

        :raises HostError: the index cannot be had, or has none
        """
        resolved = {}
        for wish in wishes:
            if is_moving(wish):
                pinned = self._lock.pin(wish) if self._lock is not None and not self._update else None
                resolved[wish] = pinned or resolve_wish(
                    self._read().releases, wish, source=self._read().source
                )
        return resolved

    def archives(self, versions: t.Iterable[str], *, arch: str) -> dict[str, Archive]:
        """The archives for an architecture.

        :raises HostError: no such release, or none for that architecture
        """
        return {version: self._archive(version, arch) for version in versions}

    def newest(self) -> int | None:
        """N of the newest 1.N, if the index was read at all."""
        if self._index is None:
            return None
        try:
            return newest_minor(self._index.releases, source=self._index.source)
        except HostError:
            return None  # an index of previews alone

    def keep(self, pins: t.Mapping[str, str], archives: t.Mapping[str, Archive], *, arch: str) -> None:
        """Write down what was chosen, where there is a lock file."""
        if self._lock is not None:
            self._lock.keep(pins, {(version, arch): archive for version, archive in archives.items()})

    def _archive(self, version: str, arch: str) -> Archive:
        locked = None if self._lock is None else self._lock.archive(version, arch)
        if locked is not None:
            return locked
        index = self._read()
        return archive_of(index.releases, version=version, arch=arch, source=index.source)

    def _read(self) -> Index:
        if self._index is None:
            self._index = self._ask()
        return self._index
