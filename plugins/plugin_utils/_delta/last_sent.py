# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Remember what was last sent to each place of each host, so that the next delta can be sent without asking."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
import typing as t

from ...module_utils._atomic import write_text

__all__ = ["LastSent", "host_of"]

_FORGOTTEN = 180 * 86400  # seconds; forget hosts that are gone
_ROOT = re.compile(r"[0-9a-f]{64}")


class LastSent:
    """One small file for each path on each host. A wrong entry costs round trips only."""

    def __init__(self, host: str | None, *, path: str = "~/.cache/gofleet/delta/places") -> None:
        """
        :param host: by its name in the inventory; None for a host without a name, for which nothing is remembered
        """
        self.host = host
        self.path = os.path.expanduser(path)

    def recall(self, place: str) -> str | None:
        """The root of the content that was last sent there."""
        if self.host is None:
            return None
        try:
            with open(self._file(place), encoding="ascii", errors="replace") as file:
                found = file.read(65)
        except OSError:
            return None
        return found if _ROOT.fullmatch(found) else None

    def keep(self, place: str, root: str) -> None:
        """Remember a root. A failure to write is ignored."""
        if self.host is None:
            return
        path = self._file(place)
        with contextlib.suppress(OSError):
            if self.recall(place) == root:
                os.utime(path)
                return
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            if not os.path.exists(path):
                _forget_old(os.path.dirname(path))
            write_text(path, root, mode=0o600)

    def _file(self, place: str) -> str:
        digest = hashlib.sha256(f"{self.host}\0{place}".encode()).hexdigest()
        return os.path.join(self.path, digest[:2], digest[2:])


def host_of(task: t.Any, task_vars: t.Mapping[str, t.Any] | None) -> str | None:
    """The name of the host that a task is run on, with delegation taken into account."""
    name: str | None = task.delegate_to or (task_vars or {}).get("inventory_hostname")
    return name


def _forget_old(folder: str) -> None:
    for entry in os.scandir(folder):
        with contextlib.suppress(FileNotFoundError):  # other processes write here too
            if entry.stat(follow_symlinks=False).st_mtime < time.time() - _FORGOTTEN:
                os.unlink(entry.path)
