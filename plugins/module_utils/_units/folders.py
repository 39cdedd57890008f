# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The directories that systemd made for a service with a dynamic user: StateDirectory= and its like."""

from __future__ import annotations

import contextlib
import os
import shutil

__all__ = ["folders_of", "remove_folders"]

_PLACES = ("lib", "cache", "log")


def folders_of(name: str, *, var: str) -> list[str]:
    """Those that are there. A directory of this name that no dynamic user ever had is somebody else's."""
    return [
        path for path in (os.path.join(var, place, "private", name) for place in _PLACES) if _is_folder(path)
    ]


def remove_folders(name: str, *, var: str) -> None:
    """Remove them with all that is in them, and the links that lead there."""
    for place in _PLACES:
        private = os.path.join(var, place, "private", name)
        if not _is_folder(private):
            continue
        public = os.path.join(var, place, name)
        # Of a service with instances this is a directory, with one link for each of them.
        inside = [os.path.join(public, entry) for entry in os.listdir(public)] if _is_folder(public) else []
        for link in [public, *inside]:
            if os.path.islink(link) and _leads_into(link, private):
                os.unlink(link)
        with contextlib.suppress(OSError):  # a link that led elsewhere, or not empty: the rest is not ours
            os.rmdir(public)
        shutil.rmtree(private)


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _leads_into(link: str, folder: str) -> bool:
    target = os.path.normpath(os.path.join(os.path.dirname(link), os.readlink(link)))
    return target == folder or target.startswith(folder + os.sep)
