# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Keep the journal of a rollout on the controller: an append-only file that one process at a time writes."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
import socket
import typing as t

from ...module_utils._atomic import fsync_directory, write_text
from ...module_utils._errors import HostError

__all__ = ["Journal", "Writer", "this_writer", "timestamp"]

Event = t.Dict[str, t.Any]
_BOOT = "/proc/sys/kernel/random/boot_id"


class Writer(t.NamedTuple):
    """Identify a process. Its id alone is not enough, because ids are reused."""

    machine: str
    boot: str
    namespace: str
    pid: int
    started: str


def this_writer(pid: int, *, proc: str = "/proc") -> Writer:
    """
    Return who writes the journal.

    :param pid: the process id of ansible-playbook; the process that runs a task ends with the task
    """
    return Writer(
        machine=socket.gethostname(),
        boot=_line(_BOOT),
        namespace=_link(os.path.join(proc, str(pid), "ns/pid")),
        pid=pid,
        started=_started(pid, proc=proc),
    )


def timestamp() -> str:
    """Return the time now, in ISO 8601 with milliseconds."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")


class Journal:
    """The journal ``<directory>/<run>.jsonl``. Beside it, ``<run>.writer`` names the process that holds it."""

    def __init__(self, directory: str, run: str) -> None:
        self.directory = directory
        self.run = run
        self.path = os.path.join(directory, f"{run}.jsonl")
        self._writer = os.path.join(directory, f"{run}.writer")

    @staticmethod
    def runs(directory: str) -> list[str]:
        """Return the names of all runs, the oldest first."""
        try:
            names = os.listdir(directory)
        except FileNotFoundError:
            return []
        return sorted(name[: -len(".jsonl")] for name in names if name.endswith(".jsonl"))

    def events(self, *, host: str | None = None) -> list[Event]:
        """
        Return the events in their order; with ``host``, only those about that host.

        A last line without a newline was left by a killed writer and is ignored.
        """
        try:
            with open(self.path, "rb") as file:
                lines = file.read().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        wanted = None if host is None else json.dumps(host).encode()
        found = [
            self._parse(line, number=number)
            for number, line in enumerate(lines, 1)
            if not wanted or wanted in line
        ]
        return found if host is None else [event for event in found if event.get("host") == host]

    def append(self, event: Event, *, writer: Writer) -> None:
        """Append one line and wait until it is on disk. Only the process that holds the journal may do that."""
        line = (
            json.dumps({"at": timestamp(), **event}, sort_keys=True, separators=(",", ":")).encode() + b"\n"
        )
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            raise self._held_by(None)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            holder = self._holder()
            if holder != writer:
                raise self._held_by(holder)
            whole = _whole_lines(descriptor)
            os.ftruncate(descriptor, whole)
            os.pwrite(descriptor, line, whole)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def hold(self, writer: Writer, *, takeover: bool, proc: str = "/proc") -> None:
        """
        Hold the journal. A holder that has died is replaced.

        :param takeover: also replace a holder on another machine or in another container, of which nobody here can see
            whether it still runs
        """
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            holder = self._holder()
            if holder is not None and holder != writer:
                alive = _alive(holder, writer, proc=proc)
                if alive or (alive is None and not takeover):
                    raise self._held_by(holder)
            write_text(self._writer, json.dumps(writer._asdict()) + "\n", mode=0o600)
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Release the journal, so that another process can hold it."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._writer)
        fsync_directory(self.directory)

    def _holder(self) -> Writer | None:
        try:
            with open(self._writer, encoding="utf-8") as file:
                return Writer(**json.load(file))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _held_by(self, holder: Writer | None) -> HostError:
        if holder is None:
            found = "no process holding it"
            remedy = "The run was ended or given up meanwhile. Run the playbook again."
        else:
            found = f"process {holder.pid} on {holder.machine} holding it"
            remedy = "Wait until that process has ended. If you are sure that it has ended, set rollout_takeover=true."
        return HostError(
            f"rollout {self.run}",
            wanted="this process to hold its journal",
            found=found,
            remedy=remedy,
        )

    def _parse(self, line: bytes, *, number: int) -> Event:
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            raise HostError(
                f"{self.path}:{number}",
                wanted="a line of a journal",
                found=repr(line[:60]),
                remedy="The file was edited or the disk is damaged. "
                "Restore a copy, or move the file away and examine the hosts.",
            )
        return event


def _whole_lines(descriptor: int) -> int:
    """Return the size in bytes up to the end of the last whole line."""
    size = os.fstat(descriptor).st_size
    while size and os.pread(descriptor, 1, size - 1) != b"\n":
        size -= 1
    return size


def _alive(holder: Writer, asking: Writer, *, proc: str) -> bool | None:
    """Return whether a writer still runs. None if it is on another machine or in another container."""
    if holder.machine == asking.machine and holder.boot != asking.boot:
        return False
    if (holder.machine, holder.namespace) != (asking.machine, asking.namespace):
        return None
    return _started(holder.pid, proc=proc) == holder.started


def _started(pid: int, *, proc: str) -> str:
    # Start time is the 22nd field. The 2nd field, the name, may contain blanks and parentheses.
    return (_line(os.path.join(proc, str(pid), "stat")).rpartition(")")[2].split() or [""] * 20)[19]


def _line(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.readline().strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
