# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""What a user may ask for, and which release that is. Pure: words and an index in, versions out.

A full version names one release for ever. ``stable``, ``oldstable`` and a series like ``1.27`` move.
"""

from __future__ import annotations

import re
import typing as t

from .._errors import HostError
from .index import GoRelease, is_version, sort_key

__all__ = ["is_moving", "newest_minor", "plain_wish", "resolve_wish"]

_STABLE, _OLDSTABLE = "stable", "oldstable"
_SERIES = re.compile(r"\d+\.\d+")


def plain_wish(name: str) -> str:
    """A wish in the one form it is kept in: ``go1.27.3`` as ``1.27.3``, ``go1.27`` as ``1.27``."""
    plain = name[2:] if name.startswith("go") else name
    if name not in (_STABLE, _OLDSTABLE) and not is_version(plain):
        raise HostError(
            f"Go version {name!r}",
            wanted="a full version like 1.27.3, a series like 1.27, stable, oldstable, or the path of a go.mod",
            found=name or "nothing",
            remedy="Give the version as https://go.dev/dl names it; write it in quotes, or YAML makes 1.20 into 1.2.",
        )
    return plain


def is_moving(wish: str) -> bool:
    """Whether the release that is meant can be another one next month."""
    return wish in (_STABLE, _OLDSTABLE) or _SERIES.fullmatch(wish) is not None


def resolve_wish(releases: t.Sequence[GoRelease], wish: str, *, source: str) -> str:
    """The release that a wish means by an index."""
    if not is_moving(wish):
        return wish
    if _SERIES.fullmatch(wish):
        return _newest_patch(releases, wish, source=source)
    newest = _newest_of_minors(releases, source=source)
    if wish == _STABLE:
        return newest[0]
    if len(newest) == 1:
        raise HostError(
            "Go oldstable",
            wanted=f"stable releases of two minors in the index of {source}",
            found=f"those of one, up to {newest[0]}",
            remedy="Ask for stable, or use a mirror that has older releases too.",
        )
    return newest[1]


def newest_minor(releases: t.Iterable[GoRelease], *, source: str) -> int:
    """N of the newest 1.N that has a stable release."""
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
            remedy="Ask for a full version, or use a mirror with the whole index.",
        )
    return list(newest.values())


def _newest_patch(releases: t.Sequence[GoRelease], series: str, *, source: str) -> str:
    minor = sort_key(series)[:2]
    found = [release for release in releases if sort_key(release.version)[:2] == minor]
    stable = [release.version for release in found if release.stable]
    if stable:
        return max(stable, key=sort_key)
    previews = ", ".join(sorted((release.version for release in found), key=sort_key))
    known = sorted((release.version for release in releases), key=sort_key)
    raise HostError(
        f"Go {series}",
        wanted=f"a stable release of that series in the index of {source}",
        found=f"only {previews}" if previews else f"{len(known)} releases from {known[0]} to {known[-1]}",
        remedy="Ask for a preview by its full name."
        if previews
        else "Give a series that is there, or a mirror that has it.",
    )
