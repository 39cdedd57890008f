# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Which releases are meant, and which archives are missing for them.

Moving names are answered by the record of the store; else by the controller, which asks the index once for all hosts;
and where there is no controller's half, or its line is down, by the index that this host reads.
"""

from __future__ import annotations

import datetime
import typing as t

from .._errors import HostError
from .._release.store import Store
from .index import Archive, GoRelease, archive_of
from .install import Parcel, is_whole
from .mirror import GoMirror
from .support import NewestGo, newest_go, supported
from .version_query import is_moving, newest_minor, plain_wish, resolve_wish

__all__ = ["Asked", "Choice", "choose", "plain_wishes"]


class Choice(t.NamedTuple):
    """The releases to have, and what is needed for them."""

    versions: list[str]
    active: str
    pins: dict[str, str]  # what the moving names among the wishes mean
    archives: dict[str, Archive]  # of the versions that are not there
    parcels: dict[str, Parcel]  # what the controller has sent of those
    warnings: list[str]


class Asked(t.NamedTuple):
    """What only the controller can answer: this host's words for its half of the module."""

    arch: str
    wishes: list[str]  # whose release is not known here
    versions: list[str]  # whose archives are missing
    installed: dict[str, dict[str, t.Any]]  # whole releases, and the archives they came out of

    def report(self) -> dict[str, t.Any]:
        return self._asdict()


def choose(
    params: t.Mapping[str, t.Any],
    *,
    store: Store,
    arch: str,
    pins: t.Mapping[str, str],
    mirror: GoMirror,
    further: t.Collection[str] = (),
) -> Choice | Asked:
    """Names to versions, and archives for those that are missing; asks nobody if all is there.

    :param pins: what moving names meant in an earlier run
    :param further: full versions that are needed as well, and are not to be used
    """
    wishes, chosen = plain_wishes(params["versions"], params["active"])
    moving = [wish for wish in wishes if is_moving(wish)]
    whole = [version for version in pins.values() if is_whole(store, version)]
    source = _Offered(params["offer"]) if params["offer"] is not None else _Index(mirror, pins, whole)
    known = {wish: pins[wish] for wish in moving if wish in pins and not params["update"]}
    # A lock file, or a wish to move, goes before what this host remembers.
    known.update({wish: source.resolved[wish] for wish in moving if wish in source.resolved})
    known.update(source.resolve([wish for wish in moving if wish not in known]))
    unknown = [wish for wish in moving if wish not in known]
    versions = list(dict.fromkeys(known.get(wish, wish) for wish in wishes if wish not in unknown))
    missing = [v for v in dict.fromkeys([*versions, *further]) if not is_whole(store, v)]
    if unknown or (missing and source.must_be_asked):
        return Asked(arch, unknown, missing, _installed(store))
    archives = {version: source.archive(version, arch=arch) for version in missing}
    newest = source.newest() or newest_go(None, today=_today())
    return Choice(
        versions=versions,
        active=known.get(chosen, chosen),
        pins=known,
        archives=archives,
        parcels=source.parcels(),
        warnings=[*source.warnings, *_unsupported(versions, newest)],
    )


def plain_wishes(versions: t.Sequence[str] | None, active: str | None) -> tuple[list[str], str]:
    """The wishes, and the one to be used, in their plain form.

    :raises HostError: none, what is none, or one to be used that is not among them
    """
    if not versions:
        raise HostError(
            "versions", wanted="at least one", found="an empty list", remedy="Name one, or say state: absent."
        )
    wishes = [plain_wish(name) for name in versions]
    chosen = plain_wish(active) if active else wishes[0]
    if chosen not in wishes:
        raise HostError(
            "active",
            wanted=f"one of the versions: {', '.join(wishes)}",
            found=chosen,
            remedy="Add it to versions as well.",
        )
    return wishes, chosen


class _Offered:
    """The controller's answers."""

    def __init__(self, offer: t.Mapping[str, t.Any]) -> None:
        self.resolved: dict[str, str] = offer["resolved"]
        self.told = {item["version"]: item for item in offer["archives"] or []}
        self.must_be_asked = offer["archives"] is None
        self.newest_minor = offer["newest"]
        self.warnings: list[str] = []

    def resolve(self, wishes: t.Sequence[str]) -> dict[str, str]:
        return {}

    def archive(self, version: str, *, arch: str) -> Archive:
        if version not in self.told:
            raise HostError(
                f"Go {version}",
                wanted="it, as it was there a moment ago when the controller asked",
                found="none that is whole",
                remedy="Another run, or somebody, is at work on this host: wait for that to end, then run again.",
            )
        item = self.told[version]
        return Archive(item["filename"], item["sha256"], item["size"])

    def parcels(self) -> dict[str, Parcel]:
        return {
            version: Parcel(item["path"], item["base"], item["root"])
            for version, item in self.told.items()
            if item["path"] is not None
        }

    def newest(self) -> NewestGo | None:
        return None if self.newest_minor is None else NewestGo(self.newest_minor, True)


class _Index:
    """The mirror's index, read by this host when it is first needed."""

    must_be_asked = False

    def __init__(self, mirror: GoMirror, pins: t.Mapping[str, str], whole: t.Collection[str]) -> None:
        self.mirror = mirror
        self.resolved: dict[str, str] = {}
        self.pins = pins
        self.whole = whole
        self.read: list[GoRelease] | None = None
        self.warnings: list[str] = []

    def releases(self) -> list[GoRelease]:
        if self.read is None:
            self.read = self.mirror.fetch_index()[1]
        return self.read

    def resolve(self, wishes: t.Sequence[str]) -> dict[str, str]:
        if not wishes:
            return {}
        try:
            releases = self.releases()
        except HostError as error:
            if any(self.pins.get(wish) not in self.whole for wish in wishes):
                raise
            self.warnings += [
                f"{wish} stays {self.pins[wish]}, as it was when the index could last be read: {error}"
                for wish in wishes
            ]
            return {wish: self.pins[wish] for wish in wishes}
        return {wish: resolve_wish(releases, wish, source=self.mirror.name) for wish in wishes}

    def archive(self, version: str, *, arch: str) -> Archive:
        return archive_of(self.releases(), version=version, arch=arch, source=self.mirror.name)

    def parcels(self) -> dict[str, Parcel]:
        return {}

    def newest(self) -> NewestGo | None:
        return None if self.read is None else NewestGo(newest_minor(self.read, source=self.mirror.name), True)


def _installed(store: Store) -> dict[str, dict[str, t.Any]]:
    return {
        version: {"sha256": marker.sha256, "size": marker.size}
        for version, marker in store.versions().items()
        if is_whole(store, version)
    }


def _unsupported(versions: t.Iterable[str], newest: NewestGo) -> list[str]:
    return [
        f"Go {version} gets no security fixes; Go 1.{newest.minor - 1} and 1.{newest.minor} do."
        for version in versions
        if supported(f"go{version}", newest=newest) == "no"
    ]


def _today() -> datetime.date:
    return datetime.datetime.now(tz=datetime.timezone.utc).date()
