# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The form of one piece of advice."""

from __future__ import annotations

import typing as t

__all__ = ["SEVERITIES", "Advice", "Advised"]

# In the order in which a person should care.
SEVERITIES = {"now": "Fix now", "soon": "Plan", "later": "Consider"}


class Advice(t.NamedTuple):
    """What is wrong and what to set. Equal advice of several hosts is one item of the list.

    ``set``: the variable, unit line or command, ready to copy; ``{about}`` in it becomes what the advice is about,
    and ``{settings}`` an entry of kernel_tuning_settings for each.
    ``caution``: what gets weaker by following it, where something does.
    """

    severity: str
    title: str
    why: str
    action: str
    set: str = ""
    caution: str = ""


# With what it is about on this host: a unit, a path, a key.
Advised = t.Tuple[Advice, str]
