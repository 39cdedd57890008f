# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Version queries: what a user asks for, and the release that it resolves to.

A full version such as ``1.27.3`` names one release. The floating queries ``stable``, ``oldstable`` and a minor such as
``1.27`` resolve to the newest matching release, which changes over time. This file reads and writes nothing.
"""

from __future__ import annotations

import re
import typing as t

from .._errors import HostError
from .index import GoRelease, is_version, sort_key

__all__ = ["is_floating", "newest_minor", "normalize", "normalize_all", "resolve_query"]

_STABLE, _OLDSTABLE = "stable", "oldstable"
_MINOR = re.compile(r"\d+\.\d+")


def normalize(query: str) -> str:
    """Remove the prefix ``go`` from a version query: ``go1.27.3`` becomes ``1.27.3``, ``go1.27`` becomes ``1.27``.

    :raises HostError: neither a version nor a floating query
    """
    plain = query[2:] if query.startswith("go") else query
    if query not in (_STABLE, _OLDSTABLE) and not is_version(plain):
        raise HostError(
            f"Go version {query!r}",
            wanted="a full version like 1.27.3, a minor like 1.27, stable, oldstable, or the path of a go.mod",
            found=query or "nothing",
            remedy="Write the version as https://go.dev/dl names it, in quotes: YAML reads 1.20 without quotes as 1.2.",
        )
    return plain


def normalize_all(queries: t.Sequence[str] | None, active: str | None) -> tuple[list[str], str]:
    """Normalize the options ``versions`` and ``active``.

    :returns: the queries, and the one to put into use: ``active``, or the first query
    :raises HostError: no query, one that is not valid, or ``active`` is not one of them
    """
    if not queries:
        raise HostError(
            "versions",
            wanted="at least one version",
            found="an empty list",
            remedy="Name a version, or set `state: absent`.",
        )
    plain = [normalize(query) for query in queries]
    chosen = normalize(active) if active else plain[0]
    if chosen not in plain:
        raise HostError(
            "active",
            wanted=f"one of the versions: {', '.join(plain)}",
            found=chosen,
            remedy="Add it to `versions`.",
        )
    return plain, chosen


def is_floating(query: str) -> bool:
    """Whether a normalized query can resolve to another release when a new one is published."""
    return query in (_STABLE, _OLDSTABLE) or _MINOR.fullmatch(query) is not None


def resolve_query(releases: t.Sequence[GoRelease], query: str, *, source: str) -> str:
    """The release that a normalized query resolves to in an index. A full version is returned unchanged.

    :param source: where the index is from, for errors
    :raises HostError: the index has no release for the query
    """
    if not is_floating(query):
        return query
    if _MINOR.fullmatch(query):
        return _newest_patch(releases, query, source=source)
    newest = _newest_of_minors(releases, source=source)
    if query == _STABLE:
        return newest[0]
    if len(newest) == 1:
        raise HostError(
            "Go oldstable",
            wanted=f"stable releases of two minors in the index of {source}",
            found=f"stable releases of one minor, up to {newest[0]}",
            remedy="Ask for `stable`, or use a mirror that has older releases too.",
        )
    return newest[1]


def newest_minor(releases: t.Iterable[GoRelease], *, source: str) -> int:
    """N of the newest 1.N that has a stable release.

    :param source: where the index is from, for errors
    :raises HostError: no release is stable
    """
    return sort_key(_newest_of_minors(releases, source=source)[0])[1]


def _newest_of_minors(releases: t.Iterable[GoRelease], *, source: str) -> list[str]:
    """The highest stable release of each minor, the newest minor first."""
    newest: dict[tuple[int, ...], str] = {}
    stable = (release.version for release in releases if release.stable)
    for version in sorted(stable, key=sort_key, reverse=True):
        newest.setdefault(sort_key(version)[:2], version)
    if not newest:
        raise HostError(
            source,
            wanted="a release that is marked stable",
            found="an index without one",
            remedy="Ask for a full version, or use a mirror with the complete index.",
        )
    return list(newest.values())


def _newest_patch(releases: t.Sequence[GoRelease], minor: str, *, source: str) -> str:
    wanted = sort_key(minor)[:2]
    found = [release for release in releases if sort_key(release.version)[:2] == wanted]
    stable = [release.version for release in found if release.stable]
    if stable:
        return max(stable, key=sort_key)
    previews = ", ".join(sorted((release.version for release in found), key=sort_key))
    known = sorted((release.version for release in releases), key=sort_key)
    raise HostError(
        f"Go {minor}",
        wanted=f"a stable release of this minor in the index of {source}",
        found=f"only {previews}" if previews else f"{len(known)} releases from {known[0]} to {known[-1]}",
        remedy="Ask for a preview by its full name."
        if previews
        else "Choose a minor that the index has, or a mirror that has the wanted one.",
    )
