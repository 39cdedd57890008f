# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Files and links that are either the old one or the new one, never half of one."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import typing as t

__all__ = ["fsync_directory", "read_text", "replace_link", "write_text"]


def read_text(path: str) -> str | None:
    """The text of a file byte for byte, or None where there is none. Other errors are raised as OSError."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write_text(path: str, text: str, *, mode: int = 0o644) -> None:
    """Write a file whole: temporary in the same directory, fsync, rename, fsync of the directory.

    A link at ``path`` is replaced, never followed. On any error the old file stays and the temporary goes.
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
    """Point the link ``path`` at ``target`` by one rename(2): readers see the old or the new target."""
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
