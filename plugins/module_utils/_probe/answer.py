# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The answer of a probe (yes, no or unknown) with the layer that decided it."""

from __future__ import annotations

import typing as t

__all__ = ["Probe", "no", "unknown", "yes"]


class Probe(t.NamedTuple):
    """The result of an attempt.

    ``answer``: yes, no, or unknown (the attempt was inconclusive). ``decided_by``: the layer that decided, such as
    kernel, sysctl, seccomp, apparmor, lockdown, capability or memlock. For unknown it is the layer that hid the
    answer. ``reason``: a sentence.
    """

    answer: str
    decided_by: str
    reason: str

    def report(self) -> dict[str, t.Any]:
        """Return the dictionary that every module returns."""
        return self._asdict()


def yes(decided_by: str, reason: str) -> Probe:
    return Probe("yes", decided_by, reason)


def no(decided_by: str, reason: str) -> Probe:
    return Probe("no", decided_by, reason)


def unknown(decided_by: str, reason: str) -> Probe:
    return Probe("unknown", decided_by, reason)
