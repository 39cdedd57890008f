# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Check that a symbolic link in a tree does not leave the tree."""

from __future__ import annotations

__all__ = ["leads_inside"]


def leads_inside(path: str, target: str) -> bool:
    """Whether a symbolic link stays in its tree, independent of the other files in it.

    ``..`` may only come first. After a name it could start from the target of another link.

    :param path: of the link, relative to the top of the tree
    :param target: of the link
    """
    parts = [part for part in target.split("/") if part not in ("", ".")]
    ups = next((count for count, part in enumerate(parts) if part != ".."), len(parts))
    return not target.startswith("/") and ".." not in parts[ups:] and ups <= path.count("/")
