# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Read files of /proc and /sys, and distinguish a missing file from an unreadable one."""

from __future__ import annotations

import os
import typing as t

__all__ = ["Text", "decimal", "read", "read_int", "read_sysctl", "selected"]


class Text(t.NamedTuple):
    """The content of a file, or the error of reading it. Both are None where the file does not exist."""

    text: str | None
    error: str | None
    errno: int = 0


def read(root: str, path: str, *, at_most: int = -1) -> Text:
    """Read one file of the kernel.

    :param path: relative to ``root``
    :param at_most: the number of characters to read, -1 for all
    """
    try:
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            return Text(file.read(at_most), None)
    except (FileNotFoundError, NotADirectoryError):
        return Text(None, None)
    except OSError as error:
        return Text(None, error.strerror or str(error), error.errno or 0)


def decimal(text: str | None) -> int | None:
    """Return the number in a field, or None where the field is missing or holds anything but digits."""
    word = (text or "").strip()
    return int(word) if word.isdecimal() else None


def read_int(root: str, path: str) -> int | None:
    """Return the number in a file, or None where the file cannot be read or holds no number."""
    text = read(root, path).text
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def read_sysctl(root: str, key: str) -> int | None:
    """Return the value of a sysctl key that holds one number, or None."""
    return read_int(root, f"proc/sys/{key.replace('.', '/')}")


def selected(text: str | None) -> str | None:
    """Return the word in brackets, such as ``madvise`` of ``always [madvise] never``."""
    for word in (text or "").split():
        if word.startswith("[") and word.endswith("]"):
            return word[1:-1]
    return None
