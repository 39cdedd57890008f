# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Change files and directories atomically, and make the change survive a power failure."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import tempfile
import typing as t

from ._errors import HostError

__all__ = ["exchange", "flush_file_system", "fsync_directory", "read_text", "replace_link", "write_text"]


def read_text(path: str) -> str | None:
    """Return the text of a file byte for byte, or None where there is no file.

    :raises OSError: any other error
    """
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write_text(path: str, text: str, *, mode: int = 0o644) -> None:
    """Write a file atomically with a temporary file in the same directory, fsync and rename.

    The directory is synced too.

    A link at ``path`` is replaced, never followed. On any error the old file stays and the temporary file is removed.
    """
    directory = os.path.dirname(path)
    os.makedirs(directory, mode=0o755, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", dir=directory)
    with _removed_on_error(temporary):
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
    fsync_directory(directory)


def replace_link(path: str, target: str) -> None:
    """Point the link ``path`` at ``target`` with one rename(2), so that readers see the old or the new target."""
    directory = os.path.dirname(path)
    temporary = os.path.join(directory, f".{os.path.basename(path)}.{secrets.token_hex(8)}")
    os.symlink(target, temporary)
    with _removed_on_error(temporary):
        os.rename(temporary, path)
    fsync_directory(directory)


def fsync_directory(path: str) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _removed_on_error(path: str) -> t.Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        raise


_RENAME_EXCHANGE = 2  # linux/fs.h
_AT_FDCWD = -100


def exchange(one: str, other: str) -> None:
    """Exchange two paths of any type with one renameat2(2).

    :raises HostError: the kernel or the file system does not support it
    """
    libc = ctypes.CDLL(None, use_errno=True)
    failed, number = -1, errno.ENOSYS
    with contextlib.suppress(AttributeError):  # glibc before 2.28
        failed = libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
        number = ctypes.get_errno()
    # overlayfs returns EXDEV for a directory of the image.
    if failed and number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EXDEV):
        raise HostError(
            other,
            wanted="a file system that can exchange two paths atomically (renameat2)",
            found=os.strerror(number),
            remedy="Nothing was changed. Use ext4, xfs, btrfs or tmpfs, or choose another path.",
        )
    if failed:
        raise OSError(number, os.strerror(number), other)


def flush_file_system(path: str) -> None:
    """Write everything in the file system of ``path`` to disk with syncfs(2).

    A Go tree has 15,000 files, and an fsync of each would be a journal commit of each. sync(2) would wait for every
    other file system, including a network file system that hangs, and reports no errors.

    :raises OSError: the data could not be written
    """
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if libc.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(descriptor)
