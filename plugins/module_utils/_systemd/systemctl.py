# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Run systemctl, read the journal of a unit, and report a unit that failed."""

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
    """A unit on which an action failed.

    It is reported as a HostError after the rollback.
    """

    def __init__(self, unit: str, *, wanted: str, found: str) -> None:
        super().__init__(f"{unit}: {found}")
        self.unit = unit
        self.wanted = wanted
        self.found = found

    def as_host_error(self, *, journal: str, outcome: str) -> HostError:
        """Return the error for the user.

        :param journal: the last journal lines of the unit, or an empty string
        :param outcome: sentences about the state of the host after the rollback
        """
        lines = f" The last journal lines of {self.unit}:\n{journal}" if journal else ""
        return HostError(self.unit, wanted=self.wanted, found=self.found, remedy=outcome + lines)


class Systemctl:
    """systemctl with a time limit.

    :param timeout: seconds that one start, stop or restart may take
    :param since: start of the transaction in seconds since 1970; older journal lines are not shown
    """

    def __init__(self, run: Runner, *, timeout: float, since: float) -> None:
        self._run = run
        self._timeout = timeout
        self._since = since
        # The units started, stopped, enabled or disabled so far: the rollback needs them.
        self.acted: list[str] = []
        self.enabled: list[tuple[str, str]] = []

    def act(self, verb: str, unit: str) -> None:
        """Start, stop or restart a unit and wait at most ``timeout`` seconds for the job to finish.

        :raises UnitError: the job failed or did not finish in time
        """
        self.acted.append(unit)
        # timeout(1) ends the wait, not the job. The rollback replaces that job by another one.
        done = self._run(["timeout", f"{self._timeout:g}", "systemctl", verb, "--", unit])
        if done.rc == 124:
            raise UnitError(unit, wanted=f"{verb} within {self._timeout:g} s", found="the job still running")
        if done.rc != 0:
            first = (done.err.strip().splitlines() or [f"exit status {done.rc}"])[0]
            raise UnitError(unit, wanted=f"systemctl {verb} to succeed", found=first.rstrip("."))

    def set_enabled(self, verb: str, unit: str) -> None:
        """Enable, disable or reenable a unit without a reload.

        systemd reads it at the next ``reload()``.

        :raises UnitError: systemctl failed
        """
        self.enabled.append((verb, unit))
        done = self._run(["systemctl", verb, "--no-reload", "--", unit])
        if done.rc != 0:
            found = done.err.strip() or f"exit status {done.rc}"
            raise UnitError(unit, wanted=f"systemctl {verb} to succeed", found=found)

    def reload(self) -> None:
        """Run ``systemctl daemon-reload``.

        :raises UnitError: systemctl failed
        """
        done = self._run(["systemctl", "daemon-reload"])
        if done.rc != 0:
            found = done.err.strip() or f"exit status {done.rc}"
            raise UnitError("systemd", wanted="daemon-reload to succeed", found=found)

    def reset_failed(self, units: t.Sequence[str]) -> None:
        """Reset the start limit of units.

        A unit that is not loaded is not an error.
        """
        self._run(["systemctl", "reset-failed", "--", *units])

    def journal(self, unit: str) -> str:
        """Return the last journal lines of a unit since the transaction began."""
        # What a process wrote just before it died may not be in the journal yet.
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
                # Every systemd version understands this form of a time.
                f"--since=@{int(self._since)}",
            ]
        )
        return done.out.strip()

    def port_holders(self, addresses: t.Sequence[str]) -> str:
        """Return which processes listen on the ports of these addresses, as ``ss`` shows them.

        systemd reports only that listening failed.
        """
        ports = {address.rsplit(":", 1)[-1] for address in addresses}
        rows = [line.split() for line in self._run(["ss", "-Hltnp"]).out.splitlines()]
        held = [f"{row[3]} is held by {row[5]}" for row in rows if len(row) > 5]
        return "; ".join(text for text in held if text.split(" ", 1)[0].rsplit(":", 1)[-1] in ports)


def write_file(directory: str, name: str, text: str) -> None:
    """Write a unit file or drop-in."""
    write_text(os.path.join(directory, name), text)


def remove_file(directory: str, name: str) -> None:
    """Remove a unit file or drop-in.

    Remove the drop-in directory too when it is empty.
    """
    path = os.path.join(directory, name)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
        fsync_directory(os.path.dirname(path))
    if "/" in name:
        with contextlib.suppress(OSError):  # not empty: the other files are not ours
            os.rmdir(os.path.dirname(path))
