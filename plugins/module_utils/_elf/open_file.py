# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Open a regular file for reads at any offset, without blocking on pipes and devices."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import typing as t

from .file import FormatError, Read

__all__ = ["OpenFile", "opened", "sha256_of"]

_CHUNK = 1 << 20


class OpenFile(t.NamedTuple):
    """An open file."""

    read: Read
    status: os.stat_result  # from fstat(2)


@contextlib.contextmanager
def opened(path: str) -> t.Iterator[OpenFile]:
    """Open a file. It does not block, even if the path is a pipe or a device.

    :raises FormatError: not a regular file
    :raises OSError: the file cannot be opened
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FormatError("it is not a regular file")

        def read(offset: int, size: int) -> bytes:
            # An offset from a damaged file may be larger than pread(2) accepts.
            return os.pread(descriptor, size, offset) if 0 <= offset < status.st_size else b""

        yield OpenFile(read, status)
    finally:
        os.close(descriptor)


def sha256_of(file: OpenFile, *, at_most: int) -> str | None:
    """The SHA-256 of a file, in hexadecimal, or None if the file is larger than ``at_most`` bytes."""
    if file.status.st_size > at_most:
        return None
    digest = hashlib.sha256()
    at = 0
    while True:
        data = file.read(at, _CHUNK)
        if not data:
            return digest.hexdigest()
        digest.update(data)
        at += len(data)
