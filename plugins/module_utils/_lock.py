# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Allow one run at a time with a lock file.

The lock ends with its process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import typing as t

from ._errors import HostError

__all__ = ["exclusive_lock"]

_PAUSE = 0.1  # seconds between two tries


@contextlib.contextmanager
def exclusive_lock(path: str, *, wait_seconds: float) -> t.Iterator[None]:
    """Hold flock(2) on a file and write our process ID into it.

    :param wait_seconds: how long to wait for another process
    :raises HostError: another process holds the lock, or the file cannot be opened
    """
    deadline = time.monotonic() + wait_seconds
    descriptor = _acquire(path)
    while descriptor is None:
        if time.monotonic() >= deadline:
            raise HostError(
                path,
                wanted=f"the lock within {wait_seconds:g} seconds",
                found=f"process {_holder(path)} holding it",
                remedy="Another run works on this host. Wait until it ends, then run again.",
            )
        time.sleep(_PAUSE)
        descriptor = _acquire(path)
    try:
        with contextlib.suppress(OSError):  # a full disk: the process ID is only for error messages
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        yield
    finally:
        os.close(descriptor)


def _acquire(path: str) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HostError(
            path,
            wanted="a lock file",
            found=str(error),
            remedy="Set `become: true`. Remove this path if it is not a regular file.",
        )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The last holder may have removed the file while we waited. Then our lock is on a deleted file.
        ours, current = os.fstat(descriptor), os.lstat(path)
        if (ours.st_dev, ours.st_ino) == (current.st_dev, current.st_ino):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def _holder(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read(32).strip() or "unknown"
    except OSError:
        return "unknown"
