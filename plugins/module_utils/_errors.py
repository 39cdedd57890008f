# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The exception that every module of the collection reports to the user."""

from __future__ import annotations

import typing as t

__all__ = ["HostError"]


class HostError(Exception):
    """A condition that the user can correct. Any other exception is a bug and is not caught."""

    def __init__(self, subject: str, *, wanted: str, found: str, remedy: str) -> None:
        """
        :param subject: the object at fault, as the user knows it (a path, a unit, a version, a host:port)
        :param wanted: what was expected
        :param found: what was found instead, with the value
        :param remedy: what to do about it, as a sentence with its full stop
        """
        super().__init__(f"{subject}: wanted {wanted}; found {found}. {remedy}")
        self.subject = subject
        self.wanted = wanted
        self.found = found
        self.remedy = remedy

    def report(self) -> dict[str, t.Any]:
        """Return the keyword arguments for AnsibleModule.fail_json."""
        return {
            "msg": str(self),
            "error": {
                "subject": self.subject,
                "wanted": self.wanted,
                "found": self.found,
                "remedy": self.remedy,
            },
        }
