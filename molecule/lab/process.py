"""Daemons of a lab: found and ended by what their own command line says, never by name alone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from .errors import LabError

PROC = Path("/proc")
PROGRAMS = ("qemu-system-x86_64", "vde_switch")
SERVER_MODULE = "lab.golang_server"
SSH_MASTER = "ssh: "
TERM_SECONDS = 10.0
KILL_SECONDS = 10.0


def owned(argv: Sequence[str], *, markers: Iterable[str]) -> bool:
    """Tell whether a process with this command line is one a lab started.

    It must be a program the lab runs *and* name a path below one of ``markers`` (folders, each ending in ``/``).
    """
    if not argv:
        return False
    ours = (
        os.path.basename(argv[0]) in PROGRAMS
        or SERVER_MODULE in argv
        # OpenSSH rewrites the title of a connection master to one string with the socket's path.
        or argv[0].startswith(SSH_MASTER)
    )
    return ours and any(marker in arg for marker in markers for arg in argv)


def argv_of(pid: int, *, proc: Path = PROC) -> list[str]:
    """Return a process's command line; empty for one that is gone or a zombie."""
    try:
        raw = (proc / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return [part.decode(errors="replace") for part in raw.split(b"\0") if part]


def processes(*, markers: Iterable[str], proc: Path = PROC) -> dict[int, list[str]]:
    """Return the living processes of a lab by id, with their command lines."""
    wanted = tuple(markers)
    found = {
        int(entry.name): argv_of(int(entry.name), proc=proc)
        for entry in proc.iterdir()
        if entry.name.isdigit()
    }
    return {pid: argv for pid, argv in found.items() if owned(argv, markers=wanted)}


def end(*, markers: Iterable[str]) -> int:
    """End all processes of a lab and return how many there were; LabError if one outlives SIGKILL."""
    wanted = tuple(markers)
    count = len(processes(markers=wanted))
    for number, seconds in ((signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        deadline = time.monotonic() + seconds
        _signal(processes(markers=wanted), number=number)
        while processes(markers=wanted) and time.monotonic() < deadline:
            time.sleep(0.05)
    if left := processes(markers=wanted):
        raise LabError(f"wanted the lab's processes gone, found still there: {left}; end them by hand")
    return count


def _signal(pids: Iterable[int], *, number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
