# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The verbs of systemctl as this collection uses them, and the failure of a unit."""

from __future__ import annotations

import contextlib
import os
import typing as t

from .._atomic import fsync_directory, write_text
from .._errors import HostError

if t.TYPE_CHECKING:
    from .._run import Runner

__all__ = ["Systemctl", "UnitError", "remove_file", "write_file"]

_JOURNAL_LINES = 20


class UnitError(Exception):
    """A unit that did not do what was asked of it; becomes a HostError once the host is back as it was."""

    def __init__(self, unit: str, *, wanted: str, found: str) -> None:
        super().__init__(f"{unit}: {found}")
        self.unit = unit
        self.wanted = wanted
        self.found = found

    def explain(self, *, journal: str, outcome: str) -> HostError:
        lines = f" The last journal lines of {self.unit}:\n{journal}" if journal else ""
        return HostError(self.unit, wanted=self.wanted, found=self.found, remedy=outcome + lines)


class Systemctl:
    """systemctl with a time limit, and the journal since the transaction began."""

    def __init__(self, run: Runner, *, timeout: float, since: float) -> None:
        self._run = run
        self._timeout = timeout
        self._since = since
        # What was asked of systemd so far, for whoever has to undo it.
        self.acted: list[str] = []
        self.enabled: list[tuple[str, str]] = []

    def act(self, verb: str, unit: str) -> None:
        """Start, stop or restart a unit and wait for the end of it, at most ``timeout`` seconds."""
        self.acted.append(unit)
        # timeout(1) ends the waiting, not the job: whoever reverts replaces the job by another.
        done = self._run(["timeout", f"{self._timeout:g}", "systemctl", verb, "--", unit])
        if done.rc == 124:
            raise UnitError(unit, wanted=f"{verb} within {self._timeout:g} s", found="it still waiting")
        if done.rc != 0:
            first = (done.err.strip().splitlines() or [f"exit status {done.rc}"])[0]
            raise UnitError(unit, wanted=f"systemctl {verb} to succeed", found=first.rstrip("."))

    def set_enabled(self, verb: str, unit: str) -> None:
        """Enable, disable or reenable; read by systemd at the one reload that follows."""
        self.enabled.append((verb, unit))
        done = self._run(["systemctl", verb, "--no-reload", "--", unit])
        if done.rc != 0:
            found = done.err.strip() or f"exit status {done.rc}"
            raise UnitError(unit, wanted=f"systemctl {verb} to succeed", found=found)

    def reload(self) -> None:
        done = self._run(["systemctl", "daemon-reload"])
        if done.rc != 0:
            found = done.err.strip() or f"exit status {done.rc}"
            raise UnitError("systemd", wanted="daemon-reload to succeed", found=found)

    def forget_failure(self, units: t.Sequence[str]) -> None:
        """Let units start again that used up their start limit; a unit that is not loaded is no error here."""
        self._run(["systemctl", "reset-failed", "--", *units])

    def journal(self, unit: str) -> str:
        """The last lines of a unit since the transaction began."""
        # What a process wrote just before it died may still be on its way.
        self._run(["journalctl", "--sync"])
        done = self._run(
            [
                "journalctl",
                "-u",
                unit,
                "-n",
                str(_JOURNAL_LINES),
                "-o",
                "cat",
                "--no-pager",
                "--quiet",
                # The only form of a time that every systemd understands.
                f"--since=@{int(self._since)}",
            ]
        )
        return done.out.strip()

    def holders(self, addresses: t.Sequence[str]) -> str:
        """Who listens on the ports of these addresses: systemd tells only that listening failed."""
        ports = {address.rsplit(":", 1)[-1] for address in addresses}
        rows = [line.split() for line in self._run(["ss", "-Hltnp"]).out.splitlines()]
        held = [f"{row[3]} is held by {row[5]}" for row in rows if len(row) > 5]
        return "; ".join(text for text in held if text.split(" ", 1)[0].rsplit(":", 1)[-1] in ports)


def write_file(directory: str, name: str, text: str) -> None:
    write_text(os.path.join(directory, name), text)


def remove_file(directory: str, name: str) -> None:
    """Remove a unit or drop-in, and the drop-in directory if nothing else is in it."""
    path = os.path.join(directory, name)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
        fsync_directory(os.path.dirname(path))
    if "/" in name:
        with contextlib.suppress(OSError):  # not empty: the rest is not ours
            os.rmdir(os.path.dirname(path))
