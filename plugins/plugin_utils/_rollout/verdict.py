# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Decide whether a rollout is kept or reverted, and end it with its report."""

from __future__ import annotations

import json
import os
import typing as t

from ...module_utils._atomic import write_text
from .journal import Journal, Writer, timestamp
from .report import VersionsOf, rollout_report
from .state import Rollout, fold

__all__ = ["EndedRun", "decide", "end_run"]


class EndedRun(t.NamedTuple):
    """The report of a run, and the file that holds it."""

    report: dict[str, t.Any]
    path: str


def decide(journal: Journal, *, writer: Writer) -> Rollout:
    """
    Write the verdict: revert if more hosts failed than the budget allows, else keep.

    A verdict that was written is never changed.
    """
    rollout = fold(journal.events())
    if rollout.decision:
        return rollout
    decision = "revert" if len(rollout.failures) > rollout.budget else "keep"
    journal.append({"event": "verdict", "decision": decision, "failed": rollout.failures}, writer=writer)
    return fold(journal.events())


def end_run(journal: Journal, *, versions_of: VersionsOf, writer: Writer) -> EndedRun:
    """Write the report beside the journal, end the run, and release the journal."""
    report = rollout_report(
        fold(journal.events()), run=journal.run, ended=timestamp(), versions_of=versions_of
    )
    path = os.path.join(journal.directory, f"{journal.run}.json")
    write_text(path, json.dumps(report, indent=1) + "\n", mode=0o600)
    journal.append({"event": "end", "outcome": report["outcome"]}, writer=writer)
    journal.release()
    return EndedRun(report, path)
