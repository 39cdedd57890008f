# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Two names in a file system that change their content at one moment, so that there is none without either."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os

from ._errors import HostError

__all__ = ["exchange"]

_RENAME_EXCHANGE = 2  # linux/fs.h
_AT_FDCWD = -100


def exchange(one: str, other: str) -> None:
    """Swap what stands at two paths, of whatever kind, by one renameat2(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    failed, number = -1, errno.ENOSYS
    with contextlib.suppress(AttributeError):  # a C library older than glibc 2.28
        failed = libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
        number = ctypes.get_errno()
    # EXDEV is overlayfs, for a directory that came with the image.
    if failed and number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EXDEV):
        raise HostError(
            other,
            wanted="a file system that can exchange two names in one step (renameat2)",
            found=os.strerror(number),
            remedy="Nothing was changed. Put the tree on ext4, xfs, btrfs or tmpfs, or choose another path.",
        )
    if failed:
        raise OSError(number, os.strerror(number), other)
