# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Tell which releases of Go get security fixes: those of the two newest minors.

The table is part of the collection, because an air-gapped host cannot look it up. Source: the release history on
go.dev. To add a minor, add its date to RELEASED and set KNOWN_ON. Nothing else in the collection must be changed.
"""

from __future__ import annotations

import datetime
import re
import typing as t

from .._errors import HostError

__all__ = ["KNOWN_ON", "RELEASED", "NewestGo", "minor_of", "newest_go", "supported", "toolchain_age_days"]

# The release date of 1.N.0 (1.N before Go 1.21), by N.
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
# A new minor is released every six months, in February and in August.
_HALF_A_YEAR = datetime.timedelta(days=165)

_RELEASE = re.compile(r"go1\.(\d+)(?:\.\d+)?(beta\d+|rc\d+)?(?![\d.])")


class NewestGo(t.NamedTuple):
    """The newest minor of Go."""

    minor: int  # N of 1.N
    certain: bool  # the user named it, or no newer one is due

    def report(self) -> dict[str, t.Any]:
        return {
            "version": f"1.{self.minor}",
            "certain": self.certain,
            "known_on": KNOWN_ON.isoformat(),
        }


def newest_go(option: str | None, *, today: datetime.date) -> NewestGo:
    """The newest minor: the one that the user names, or the newest in RELEASED.

    :param option: a minor such as 1.27, or a release of it
    :raises HostError: ``option`` is not a minor of Go
    """
    if option is None:
        newest = max(RELEASED)
        return NewestGo(newest, today < RELEASED[newest] + _HALF_A_YEAR)
    match = re.fullmatch(r"(?:go)?1\.(\d{1,9})(?:\.\d+)?", option)
    if match is None:
        raise HostError(
            f"newest_go {option!r}",
            wanted="a minor of Go like 1.27",
            found=option or "nothing",
            remedy="Write it in quotes: YAML reads 1.30 without quotes as 1.3.",
        )
    return NewestGo(int(match.group(1)), True)


def minor_of(go_version: str) -> int | None:
    """N of ``go1.N.P``, also in a development version, or None if the text has no minor."""
    match = re.search(r"go1\.(\d{1,9})(?!\d)", go_version)
    return int(match.group(1)) if match else None


def supported(go_version: str, *, newest: NewestGo) -> str:
    """Whether a version gets security fixes, as yes, no or unknown.

    Previews and development versions get none.

    :param go_version: with the prefix ``go``, as runtime.Version() gives it
    """
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
    """Days since the first release of the minor, or None for a minor that RELEASED does not have."""
    released = RELEASED.get(minor_of(go_version) or 0)
    return max((today - released).days, 0) if released else None
