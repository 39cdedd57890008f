# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kills a run that changes a release store, at moments that a seed decides, and tells where each kill hit."""

from __future__ import annotations

import collections
import os
import random
import subprocess
import time
import typing as t
from pathlib import Path

__all__ = ["MARKER", "Kill", "Trials", "phase_of"]

MARKER = ".gofleet.json"
# What is waited for before the delay; the steps of a run are of very different length, and each shall be hit.
TRIGGERS = ("start", "lock", "staging", "marker", "commit", "switch")
SHORT = 0.004  # seconds; the steps after the writing take about that long
SHORTEST = 0.0005  # and the rename after the marker
POLL = 0.0002
LIMIT = 120  # seconds


class Kill(t.NamedTuple):
    """A moment: so many seconds after something was first seen in the store."""

    trigger: str
    delay: float


class Trials:
    """Moments from a seed, and a table of where they hit."""

    def __init__(self, seed: int, *, count: int, seconds: float) -> None:
        """
        :param seconds: that a run takes which is left alone
        """
        self.seed = seed
        self.count = count
        self.hits: collections.Counter[str] = collections.Counter()
        self.random = random.Random(seed)
        self.seconds = seconds

    def kills(self) -> t.Iterator[Kill]:
        for number in range(self.count):
            trigger = TRIGGERS[number % len(TRIGGERS)]
            longest = {
                "start": self.seconds,
                "lock": self.seconds / 4,
                "staging": self.seconds / 4,
                "marker": SHORTEST,
            }
            yield Kill(trigger, self.random.uniform(0, longest.get(trigger, SHORT)))

    def kill(self, process: subprocess.Popen[str], kill: Kill, *, store: Path, version: str) -> str:
        """End the process at that moment, or see it end before; returns the phase that it was in."""
        # Whoever looks for the moment has to be faster than the run, on a busy machine too.
        os.setpriority(os.PRIO_PROCESS, process.pid, 19)
        self._wait(process, kill.trigger, store, version)
        deadline = time.monotonic() + kill.delay
        while time.monotonic() < deadline and process.poll() is None:
            time.sleep(POLL)
        ended = process.poll() is not None
        process.kill()
        process.communicate(timeout=LIMIT)
        phase = "ended" if ended else phase_of(store, version=version, pid=process.pid)
        self.hits[phase] += 1
        return phase

    def table(self, name: str) -> str:
        rows = [f"{name}: {sum(self.hits.values())} kills, seed {self.seed}"]
        return "\n".join([*rows, *(f"{count:>8}  {phase}" for phase, count in sorted(self.hits.items()))])

    def _wait(self, process: subprocess.Popen[str], trigger: str, store: Path, version: str) -> None:
        deadline = time.monotonic() + LIMIT
        while process.poll() is None and not _seen(trigger, store, version, process.pid):
            assert time.monotonic() < deadline, f"{trigger} was not reached"
            time.sleep(POLL)


def phase_of(store: Path, *, version: str, pid: int) -> str:
    """How far a run had come that was to put ``version`` into use."""
    if not _seen("lock", store, version, pid):
        return "1 before the lock"
    if _seen("switch", store, version, pid):
        return "6 switched"
    if _seen("commit", store, version, pid):
        return "5 committed, not switched"
    if _seen("marker", store, version, pid):
        return "4 marked, not renamed"
    return "3 writing" if _seen("staging", store, version, pid) else "2 locked"


def _seen(trigger: str, store: Path, version: str, pid: int) -> bool:
    try:
        return _SIGNS[trigger](store, version, pid)
    except OSError:
        return False


_SIGNS: dict[str, t.Callable[[Path, str, int], bool]] = {
    "start": lambda store, version, pid: True,
    "lock": lambda store, version, pid: (store / ".lock").read_text(encoding="ascii").strip() == str(pid),
    "staging": lambda store, version, pid: any(store.glob(f".staging-{version}-*")),
    "marker": lambda store, version, pid: (
        any(store.glob(f".staging-{version}-*/{MARKER}")) or (store / version).exists()
    ),
    "commit": lambda store, version, pid: (store / version / MARKER).exists(),
    "switch": lambda store, version, pid: os.readlink(store / "current") == version,
}
