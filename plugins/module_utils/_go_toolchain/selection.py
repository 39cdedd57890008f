# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Toolchain selection: resolve version queries to releases, and find the archives that are missing for them.

A floating query is resolved by the record of the store, if it has it. Else the controller resolves it, by an index that
it reads once for all hosts. The host reads the index itself if there is no controller's half, or if the controller
cannot reach the mirror.
"""

from __future__ import annotations

import datetime
import typing as t

from .._errors import HostError
from .._release.store import Store
from .index import Archive, GoRelease, archive_of
from .install import is_complete
from .mirror import GoMirror
from .options import Offer, Payload, Request
from .support import NewestGo, newest_go, supported
from .version_query import is_floating, newest_minor, resolve_query

__all__ = ["Choice", "choose"]


class Choice(t.NamedTuple):
    """The releases that a host must have, and what is needed to install them."""

    versions: list[str]  # releases of the queries, in their order
    active: str  # the release to put into use
    pins: dict[str, str]  # releases by the floating queries that resolve to them
    archives: dict[str, Archive]  # of the releases that are missing, by version
    payloads: t.Mapping[str, Payload]  # what the controller has sent of those, by version
    warnings: list[str]


def choose(
    queries: t.Sequence[str],
    active: str,
    *,
    update: bool,
    offer: Offer | None,
    store: Store,
    arch: str,
    pins: t.Mapping[str, str],
    mirror: GoMirror,
    also: t.Collection[str] = (),
) -> Choice | Request:
    """Resolve version queries, and find the archives of the releases that are missing.

    Nothing is read from the network if every query has a release and every release is complete.

    :param queries: normalized version queries
    :param active: the one of them to put into use
    :param update: resolve floating queries again, even if ``pins`` has them
    :param offer: the controller's answers; None if this host reads the index itself
    :param arch: of the archives, in go.dev's words
    :param pins: releases that floating queries resolved to in earlier runs
    :param also: full versions that must be complete too, and are not put into use
    :returns: a Request if only the controller can answer what is missing
    :raises HostError: a query has no release, or a release has no archive for ``arch``
    """
    floating = [query for query in queries if is_floating(query)]
    complete = [version for version in pins.values() if is_complete(store, version)]
    source = _OfferSource(offer) if offer is not None else _IndexSource(mirror, pins, complete)
    known = {query: pins[query] for query in floating if query in pins and not update}
    # A lock file and `update` take precedence over the record of this host.
    known.update({query: source.resolved[query] for query in floating if query in source.resolved})
    known.update(source.resolve([query for query in floating if query not in known]))
    unknown = [query for query in floating if query not in known]
    versions = list(dict.fromkeys(known.get(query, query) for query in queries if query not in unknown))
    missing = [version for version in dict.fromkeys([*versions, *also]) if not is_complete(store, version)]
    if unknown or (missing and source.needs_request):
        return Request(arch, unknown, missing, _installed(store))
    archives = {version: source.archive(version, arch=arch) for version in missing}
    newest = source.newest() or newest_go(None, today=_today())
    return Choice(
        versions=versions,
        active=known.get(active, active),
        pins=known,
        archives=archives,
        payloads=source.payloads,
        warnings=[*source.warnings, *_unsupported(versions, newest)],
    )


class _OfferSource:
    """Answers from the controller's offer."""

    def __init__(self, offer: Offer) -> None:
        self.resolved = offer.resolved
        self.payloads = offer.payloads
        self.needs_request = offer.archives is None
        self.warnings: list[str] = []
        self._archives = offer.archives or {}
        self._newest_minor = offer.newest

    def resolve(self, queries: t.Sequence[str]) -> dict[str, str]:
        return {}

    def archive(self, version: str, *, arch: str) -> Archive:
        if version not in self._archives:
            raise HostError(
                f"Go {version}",
                wanted="this release still installed, as when the controller asked",
                found="no complete tree of it",
                remedy="Another run or a person is changing this host. Wait until that is done, then run again.",
            )
        return self._archives[version]

    def newest(self) -> NewestGo | None:
        return None if self._newest_minor is None else NewestGo(self._newest_minor, True)


class _IndexSource:
    """Answers from the mirror's index, which this host reads when it is first needed."""

    needs_request = False

    def __init__(self, mirror: GoMirror, pins: t.Mapping[str, str], complete: t.Collection[str]) -> None:
        self.resolved: t.Mapping[str, str] = {}
        self.payloads: t.Mapping[str, Payload] = {}
        self.warnings: list[str] = []
        self._mirror = mirror
        self._pins = pins
        self._complete = complete
        self._releases: list[GoRelease] | None = None

    def resolve(self, queries: t.Sequence[str]) -> dict[str, str]:
        if not queries:
            return {}
        try:
            releases = self._read()
        except HostError as error:
            if any(self._pins.get(query) not in self._complete for query in queries):
                raise
            self.warnings += [
                f"{query} stays {self._pins[query]}, because the index cannot be read: {error}"
                for query in queries
            ]
            return {query: self._pins[query] for query in queries}
        return {query: resolve_query(releases, query, source=self._mirror.name) for query in queries}

    def archive(self, version: str, *, arch: str) -> Archive:
        return archive_of(self._read(), version=version, arch=arch, source=self._mirror.name)

    def newest(self) -> NewestGo | None:
        if self._releases is None:
            return None
        return NewestGo(newest_minor(self._releases, source=self._mirror.name), True)

    def _read(self) -> list[GoRelease]:
        if self._releases is None:
            self._releases = self._mirror.fetch_index()[1]
        return self._releases


def _installed(store: Store) -> dict[str, dict[str, t.Any]]:
    return {
        version: {"sha256": marker.sha256, "size": marker.size}
        for version, marker in store.versions().items()
        if is_complete(store, version)
    }


def _unsupported(versions: t.Iterable[str], newest: NewestGo) -> list[str]:
    return [
        f"Go {version} gets no security fixes. Go 1.{newest.minor - 1} and 1.{newest.minor} do."
        for version in versions
        if supported(f"go{version}", newest=newest) == "no"
    ]


def _today() -> datetime.date:
    return datetime.datetime.now(tz=datetime.timezone.utc).date()
