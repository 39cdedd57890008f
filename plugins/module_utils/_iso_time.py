# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Format times for the results of modules."""

from __future__ import annotations

import time

__all__ = ["iso_time"]


def iso_time(seconds: float) -> str:
    """Return a time in UTC to the second, such as 2026-01-01T00:00:00Z.

    :param seconds: since 1970
    """
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
