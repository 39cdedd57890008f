# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Resolve version queries on the controller, by the lock file or else by the mirror's index."""

from __future__ import annotations

import typing as t

from ...module_utils._errors import HostError
from ...module_utils._go_toolchain.index import Archive, archive_of
from ...module_utils._go_toolchain.version_query import is_floating, newest_minor, resolve_query
from .index_cache import Index
from .lock_file import VersionLock

__all__ = ["Resolver"]


class Resolver:
    """Resolve floating version queries and find archives.

    :param index: reads the index; it is called when the index is first needed
    :param lock: the lock file, if the user has one
    :param update: resolve floating queries by the index, even if the lock file has them
    """

    def __init__(self, *, index: t.Callable[[], Index], lock: VersionLock | None, update: bool) -> None:
        self._read_index = index
        self._lock = lock
        self._update = update
        self._known: Index | None = None

    @property
    def overrides_records(self) -> bool:
        """Whether it resolves for all hosts alike, instead of what each host's own record says."""
        return self._lock is not None or self._update

    def resolve(self, queries: t.Iterable[str]) -> dict[str, str]:
        """The releases of the floating queries among these queries.

        :raises FetchError: the index cannot be read
        :raises HostError: the index has no release for a query
        """
        resolved = {}
        for query in queries:
            if is_floating(query):
                pinned = self._lock.pin(query) if self._lock is not None and not self._update else None
                resolved[query] = pinned or resolve_query(
                    self._index.releases, query, source=self._index.source
                )
        return resolved

    def archives(self, versions: t.Iterable[str], *, arch: str) -> dict[str, Archive]:
        """The archives of releases for an architecture, by version.

        :raises FetchError: the index cannot be read
        :raises HostError: the index has no such release, or no archive of it for the architecture
        """
        return {version: self._archive(version, arch) for version in versions}

    def newest(self) -> int | None:
        """N of the newest stable 1.N, or None if the index was not needed so far, or has only previews."""
        if self._known is None:
            return None
        try:
            return newest_minor(self._known.releases, source=self._known.source)
        except HostError:
            return None

    def record(self, pins: t.Mapping[str, str], archives: t.Mapping[str, Archive], *, arch: str) -> None:
        """Add releases and archives to the lock file, if there is one."""
        if self._lock is not None:
            self._lock.add(pins, {(version, arch): archive for version, archive in archives.items()})

    def _archive(self, version: str, arch: str) -> Archive:
        locked = None if self._lock is None else self._lock.archive(version, arch)
        if locked is not None:
            return locked
        index = self._index
        return archive_of(index.releases, version=version, arch=arch, source=index.source)

    @property
    def _index(self) -> Index:
        if self._known is None:
            self._known = self._read_index()
        return self._known
