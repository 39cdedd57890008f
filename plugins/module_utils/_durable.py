# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""A whole tree durable by one call."""

from __future__ import annotations

import ctypes
import os

__all__ = ["flush_file_system"]


def flush_file_system(path: str) -> None:
    """Write everything in the file system that holds ``path`` to disk, or raise the OSError of that.

    syncfs(2), because a Go tree has 15,000 files and an fsync for each is a journal commit for each, while
    sync(2) also waits for every other file system, a hanging network one included, and reports no errors.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if libc.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(descriptor)
