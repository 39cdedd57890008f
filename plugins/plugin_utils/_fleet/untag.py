# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Convert tagged values of Ansible to plain values of Python, which are faster to read and can be written as JSON."""

from __future__ import annotations

import typing as t

__all__ = ["untag"]


def untag(value: t.Any) -> t.Any:
    """Return the value without Ansible's data tags and without templates that are evaluated on access.

    Tuples and sets become lists. Keys, and values of other types, become strings.
    """
    if isinstance(value, t.Mapping):
        return {str(key): untag(value[key]) for key in value}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (list, tuple, set)):
        return [untag(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, float) else str(value)
