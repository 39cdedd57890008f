# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Which releases of Go get security fixes: the two newest minors.

A host without network cannot ask, so they stand here. Source: the release history on go.dev. Whoever adds a minor
adds its day here and sets KNOWN_ON, and nothing else in the collection.
"""

from __future__ import annotations

import datetime
import re
import typing as t

from .._errors import HostError

__all__ = ["KNOWN_ON", "RELEASED", "NewestGo", "minor_of", "newest_go", "supported", "toolchain_age_days"]

# The day of 1.N.0, by N.
RELEASED = {
    13: datetime.date(2019, 9, 3),
    14: datetime.date(2020, 2, 25),
    15: datetime.date(2020, 8, 11),
    16: datetime.date(2021, 2, 16),
    17: datetime.date(2021, 8, 16),
    18: datetime.date(2022, 3, 15),
    19: datetime.date(2022, 8, 2),
    20: datetime.date(2023, 2, 1),
    21: datetime.date(2023, 8, 8),
    22: datetime.date(2024, 2, 6),
    23: datetime.date(2024, 8, 13),
    24: datetime.date(2025, 2, 11),
    25: datetime.date(2025, 8, 12),
    26: datetime.date(2026, 2, 10),
    27: datetime.date(2026, 8, 19),
}
KNOWN_ON = datetime.date(2026, 11, 22)
# A minor follows the last one after half a year, in February and in August.
_HALF_A_YEAR = datetime.timedelta(days=165)

_RELEASE = re.compile(r"go1\.(\d+)(?:\.\d+)?(beta\d+|rc\d+)?(?![\d.])")


class NewestGo(t.NamedTuple):
    """The newest minor, 1.N. ``certain``: named by the user, or no newer one is due."""

    minor: int
    certain: bool

    def report(self) -> dict[str, t.Any]:
        return {
            "version": f"1.{self.minor}",
            "certain": self.certain,
            "known_on": KNOWN_ON.isoformat(),
        }


def newest_go(option: str | None, *, today: datetime.date) -> NewestGo:
    """The newest minor as the user names it, or as known here.

    :raises HostError: not a minor of Go
    """
    if option is None:
        newest = max(RELEASED)
        return NewestGo(newest, today < RELEASED[newest] + _HALF_A_YEAR)
    match = re.fullmatch(r"(?:go)?1\.(\d+)(?:\.\d+)?", option)
    if match is None:
        raise HostError(
            f"newest_go {option!r}",
            wanted="a minor of Go like 1.27",
            found=option or "nothing",
            remedy="Write it in quotes, or YAML makes 1.30 into 1.3.",
        )
    return NewestGo(int(match.group(1)), True)


def minor_of(go_version: str) -> int | None:
    """N of ``go1.N.P``, also of a development version; None for what names none."""
    match = re.search(r"go1\.(\d+)", go_version)
    return int(match.group(1)) if match else None


def supported(go_version: str, *, newest: NewestGo) -> str:
    """yes, no, or unknown: whether the minor gets security fixes. Previews and versions under development never do."""
    minor = minor_of(go_version)
    release = _RELEASE.match(go_version)
    if minor is None:
        return "unknown"
    if release is None or release.group(2):
        return "no"
    if minor >= newest.minor:
        return "yes"
    if minor < newest.minor - 1:
        return "no"
    return "yes" if newest.certain else "unknown"


def toolchain_age_days(go_version: str, *, today: datetime.date) -> int | None:
    """Days since the first release of the minor; None for one that is not known here."""
    released = RELEASED.get(minor_of(go_version) or 0)
    return max((today - released).days, 0) if released else None
