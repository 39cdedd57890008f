# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Read the index of a mirror once a run for all hosts, and keep a copy for runs in which the mirror is unreachable."""

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
_WAIT = 600  # seconds; another process of this run is reading the index
_START = 19  # position of starttime among the fields of /proc/PID/stat after comm, see proc_pid_stat(5)


class Index(t.NamedTuple):
    """The index of a mirror."""

    source: str  # URL of the mirror, without password
    releases: list[GoRelease]
    warning: str | None  # why this is the copy of an earlier run; None if it is from this run


def index_once(mirror: GoMirror, *, cache: str, run: str) -> Index:
    """The index of a mirror, read from the network at most once a run, even if that fails.

    :param cache: a directory of the controller
    :param run: a name that identifies this run
    :raises FetchError: the index cannot be read, and there is no copy of an earlier run
    """
    folder = os.path.join(cache, "index")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, hashlib.sha256(mirror.url.encode()).hexdigest()[:32])
    with exclusive_lock(f"{path}.lock", wait_seconds=_WAIT):
        state = _read_state(path)
        if state.get("run") != run:
            state = {"run": run, "error": _fetch(mirror, path)}
            write_text(f"{path}.state", json.dumps(state), mode=0o600)
    return _read_copy(mirror, path, error=state["error"])


def this_run() -> str:
    """A name that only the processes of one run share, from the PID and the start time of their parent."""
    parent = os.getppid()
    try:
        with open(f"/proc/{parent}/stat", encoding="ascii", errors="replace") as file:
            started = file.read().rpartition(")")[2].split()[_START]
    except OSError:  # a controller without /proc
        started = datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat()
    return f"{parent}-{started}"


def _fetch(mirror: GoMirror, path: str) -> dict[str, str] | None:
    """Download the index, and return the parts of the error if that fails."""
    try:
        text, dummy = mirror.fetch_index()
    except HostError as error:
        report: dict[str, str] = error.report()["error"]
        return report
    write_text(f"{path}.json", text.decode("utf-8", "surrogateescape"), mode=0o600)
    return None


def _read_copy(mirror: GoMirror, path: str, *, error: dict[str, str] | None) -> Index:
    """Read the downloaded index, with a warning if this run's download failed."""
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
    warning = (
        f"Using the index of {read_at:%Y-%m-%d}, because the mirror cannot be read now: {_failed(error)}"
    )
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
