# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The one error of the collection: what was wanted, what was found, what to do."""

from __future__ import annotations

import typing as t

__all__ = ["HostError"]


class HostError(Exception):
    """A condition that a person can act on. Everything else is a bug and is left to surface as one."""

    def __init__(self, subject: str, *, wanted: str, found: str, remedy: str) -> None:
        """
        :param subject: the object at fault, as the user knows it (a path, a unit, a version, a host:port)
        :param wanted: what should have been there
        :param found: what was there instead, with the value
        :param remedy: what to do about it, as a sentence with its full stop
        """
        super().__init__(f"{subject}: wanted {wanted}; found {found}. {remedy}")
        self.subject = subject
        self.wanted = wanted
        self.found = found
        self.remedy = remedy

    def report(self) -> dict[str, t.Any]:
        """The keyword arguments for AnsibleModule.fail_json."""
        return {
            "msg": str(self),
            "error": {
                "subject": self.subject,
                "wanted": self.wanted,
                "found": self.found,
                "remedy": self.remedy,
            },
        }
