# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Files under another root: links that name a whole path stay within it, as they would after chroot(2)."""

from __future__ import annotations

import os
import stat

__all__ = ["resolve"]

_MOST_LINKS = 40  # as the kernel


def resolve(root: str, path: str) -> str | None:
    """The file that a path under ``root`` leads to, with ``root`` in front; None where there is none.

    :raises OSError: a directory on the way may not be searched
    """
    left = [part for part in path.split("/") if part not in ("", ".")]
    done: list[str] = []
    links = 0
    while left:
        part = left.pop(0)
        if part == "..":
            done = done[:-1]
            continue
        here = os.path.join(root, *done, part)
        try:
            is_link = stat.S_ISLNK(os.lstat(here).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not is_link:
            done.append(part)
            continue
        links += 1
        if links > _MOST_LINKS:
            return None
        target = os.readlink(here)
        if target.startswith("/"):
            done = []
        left[:0] = [name for name in target.split("/") if name not in ("", ".")]
    return os.path.join(root, *done)
