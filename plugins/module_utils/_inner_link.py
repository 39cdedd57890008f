# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Whether a link in a tree leads to somewhere in the same tree."""

from __future__ import annotations

__all__ = ["leads_inside"]


def leads_inside(path: str, target: str) -> bool:
    """Whether a link at ``path``, relative to the top of its tree, stays in the tree, whatever else is in it.

    ``..`` only in front: there it climbs directories. After a name it could climb from another link.
    """
    parts = [part for part in target.split("/") if part not in ("", ".")]
    ups = next((count for count, part in enumerate(parts) if part != ".."), len(parts))
    return not target.startswith("/") and ".." not in parts[ups:] and ups <= path.count("/")
