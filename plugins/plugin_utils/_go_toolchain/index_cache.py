# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""The index of a mirror, asked once a run however many hosts want to know, and kept for when the mirror is away."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import typing as t

from ...module_utils._atomic import write_text
from ...module_utils._download import FetchError
from ...module_utils._errors import HostError
from ...module_utils._go_toolchain.index import GoRelease, parse_index
from ...module_utils._go_toolchain.mirror import GoMirror
from ...module_utils._lock import exclusive_lock

__all__ = ["CACHE", "Index", "index_once", "this_run"]

CACHE = "~/.cache/gofleet/go"
_WAIT = 600  # seconds; another process of this run is asking
_START = 19  # of the fields of /proc/PID/stat behind the name: when the process started


class Index(t.NamedTuple):
    """What a mirror has. ``warning``: why it is not what the mirror says today."""

    source: str
    releases: list[GoRelease]
    warning: str | None


def index_once(mirror: GoMirror, *, cache: str, run: str) -> Index:
    """
    :param run: names this run; what was asked in it is not asked again, be it answered or not
    :raises FetchError: no answer, and no copy of an earlier one
    """
    folder = os.path.join(cache, "index")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, hashlib.sha256(mirror.url.encode()).hexdigest()[:32])
    with exclusive_lock(f"{path}.lock", wait_seconds=_WAIT):
        state = _read_state(path)
        if state.get("run") != run:
            state = {"run": run, "error": _ask(mirror, path)}
            write_text(f"{path}.state", json.dumps(state), mode=0o600)
    return _answer(mirror, path, error=state["error"])


def this_run() -> str:
    """A name that the processes of one run share, and no later run has: their parent, and when it started."""
    parent = os.getppid()
    try:
        with open(f"/proc/{parent}/stat", encoding="ascii", errors="replace") as file:
            started = file.read().rpartition(")")[2].split()[_START]
    except OSError:  # a controller without /proc
        started = datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat()
    return f"{parent}-{started}"


def _ask(mirror: GoMirror, path: str) -> dict[str, str] | None:
    """Get the index anew; returns what was wrong."""
    try:
        text, dummy = mirror.fetch_index()
    except HostError as error:
        report: dict[str, str] = error.report()["error"]
        return report
    write_text(f"{path}.json", text.decode("utf-8", "surrogateescape"), mode=0o600)
    return None


def _answer(mirror: GoMirror, path: str, *, error: dict[str, str] | None) -> Index:
    try:
        with open(f"{path}.json", "rb") as file:
            releases = parse_index(file.read(), source=mirror.name)
            read_at = datetime.datetime.fromtimestamp(
                os.fstat(file.fileno()).st_mtime, tz=datetime.timezone.utc
            )
    except (OSError, HostError):
        if error is None:
            raise
        raise _failed(error) from None
    if error is None:
        return Index(mirror.name, releases, None)
    warning = f"The index of {read_at:%Y-%m-%d} is used, as the mirror gives none now: {_failed(error)}"
    return Index(mirror.name, releases, warning)


def _read_state(path: str) -> dict[str, t.Any]:
    try:
        with open(f"{path}.state", encoding="utf-8") as file:
            found = json.load(file)
        return found if isinstance(found, dict) and "error" in found else {}
    except (OSError, ValueError):
        return {}


def _failed(error: dict[str, str]) -> FetchError:
    return FetchError(error["subject"], wanted=error["wanted"], found=error["found"], remedy=error["remedy"])
