# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Define one piece of advice."""

from __future__ import annotations

import typing as t

__all__ = ["SEVERITIES", "Advice", "Advised"]

# From the most urgent to the least urgent, each with its name on the page.
SEVERITIES = {"now": "Fix now", "soon": "Plan", "later": "Consider"}


class Advice(t.NamedTuple):
    """What is wrong, and what to do about it.

    Equal advice for several hosts is one item of the list.

    ``severity``: a key of SEVERITIES.
    ``set``: the variable, unit line or command to copy. ``{about}`` is replaced by the subjects of the advice, and
    ``{settings}`` by an entry of kernel_tuning_settings for each of them.
    ``caution``: the protection that gets weaker when the advice is followed, or empty.
    """

    severity: str
    title: str
    why: str
    action: str
    set: str = ""
    caution: str = ""


# Advice, and its subject on this host: a unit, a path, a key or a message. Empty where the subject is the host.
Advised = t.Tuple[Advice, str]
