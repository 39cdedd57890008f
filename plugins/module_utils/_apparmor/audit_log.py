# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The records of an audit log, and where some of them are missing."""

from __future__ import annotations

import json
import typing as t

from .denial import Denial, Stamp, parse_denial, parse_stamp

__all__ = [
    "Gap",
    "PrintLimit",
    "Reading",
    "Record",
    "denials_of",
    "holds",
    "journal_records",
    "line_records",
    "printed_gaps",
]


class Record(t.NamedTuple):
    """One audit record. ``printed``: it went through the kernel's log, which is limited, and not to a listener."""

    stamp: Stamp
    text: str
    boot: str
    printed: bool


class Gap(t.NamedTuple):
    """A stretch of time in which records are missing (``sure``), or may be."""

    begin: float
    end: float
    sure: bool
    reason: str


class PrintLimit(t.NamedTuple):
    """kernel.printk_ratelimit and its burst: without an audit daemon so many lines are printed in so many seconds."""

    seconds: int
    lines: int


class Reading(t.NamedTuple):
    """What one source told. ``begins``: how far back it reaches, None where it does not tell."""

    source: str
    denials: list[Denial]
    gaps: list[Gap]
    begins: float | None


def line_records(lines: t.Iterable[str], *, printed: bool) -> t.Iterator[Record]:
    """Of a file, which does not tell one boot from the next."""
    for line in lines:
        stamp = parse_stamp(line)
        if stamp is not None:
            yield Record(stamp, line, "", printed)


def journal_records(lines: t.Iterable[str]) -> t.Iterator[Record]:
    """Of ``journalctl -o json``: what journald took from the kernel's log, and what it was told as a listener."""
    for line in lines:
        entry = json.loads(line)
        message = entry.get("MESSAGE")
        # Text that is no UTF-8 comes as a list of bytes.
        text = (
            bytes(message).decode("utf-8", "surrogateescape") if isinstance(message, list) else message or ""
        )
        printed = entry.get("_TRANSPORT") == "kernel"
        stamp = parse_stamp(text) if printed else _listener_stamp(entry)
        if stamp is not None and (not printed or text.startswith("audit: type=")):
            yield Record(stamp, text, str(entry.get("_BOOT_ID", "")), printed)


def _listener_stamp(entry: t.Mapping[str, t.Any]) -> Stamp | None:
    try:
        return Stamp(int(entry["_SOURCE_REALTIME_TIMESTAMP"]) / 1_000_000, int(entry["_AUDIT_ID"]))
    except (KeyError, TypeError, ValueError):
        return None


def denials_of(records: t.Iterable[Record]) -> list[Denial]:
    """Each denial once, though both ways into the journal bring it, the oldest first."""
    found: dict[t.Any, Denial] = {}
    for record in records:
        denial = parse_denial(record.text, stamp=record.stamp)
        if denial is not None:
            found.setdefault((record.boot, denial.stamp, tuple(sorted(denial.fields.items()))), denial)
    return sorted(found.values(), key=lambda denial: denial.stamp)


def printed_gaps(records: t.Sequence[Record], *, limit: PrintLimit) -> list[Gap]:
    """Where the kernel's log lacks records, told by their numbers, which the kernel counts up from boot.

    A boot in which a listener got all that was printed has none: the listener got the rest too.
    """
    gaps: list[Gap] = []
    for boot in dict.fromkeys(record.boot for record in records):
        ours = [record for record in records if record.boot == boot]
        printed = [record for record in ours if record.printed]
        heard = {record.stamp.serial for record in ours if not record.printed}
        for run in _runs(printed):
            if not _all_heard(run, heard):
                gaps += _gaps(run, heard, limit=limit) + _cut_end(run, limit=limit)
    return gaps


def _runs(printed: t.Iterable[Record]) -> list[list[Record]]:
    """Cut where the numbers begin anew: a file holds several boots."""
    runs: list[list[Record]] = []
    for record in printed:
        if runs and runs[-1][-1].stamp.serial <= record.stamp.serial:
            runs[-1].append(record)
        else:
            runs.append([record])
    return runs


def _all_heard(run: t.Sequence[Record], heard: t.AbstractSet[int]) -> bool:
    """Whether a listener has every denial and message of AppArmor that the kernel printed."""
    ours = {record.stamp.serial for record in run if "apparmor=" in record.text}
    return bool(heard) and ours <= heard


def _gaps(run: t.Sequence[Record], heard: t.AbstractSet[int], *, limit: PrintLimit) -> list[Gap]:
    gaps = []
    for before, after in zip(run, run[1:]):
        missing = set(range(before.stamp.serial + 1, after.stamp.serial)) - heard
        # Loading many profiles, as at each boot, prints a line for each: what is lost between two of them is more of
        # the same, and no service runs yet.
        if missing and not (_is_loading(before) and _is_loading(after)):
            reason = f"the kernel's log lacks {len(missing)} audit records: it prints few lines at a time"
            # Once the limit's seconds are over, the next record is printed again.
            end = before.stamp.time + limit.seconds if limit.seconds else after.stamp.time
            gaps.append(Gap(before.stamp.time, min(end, after.stamp.time), True, reason))
    return gaps


def _is_loading(record: Record) -> bool:
    return 'apparmor="STATUS"' in record.text


def _cut_end(run: t.Sequence[Record], *, limit: PrintLimit) -> list[Gap]:
    """What was lost after the last line shows in no number yet; it may be when that line used up the limit."""
    last = run[-1].stamp.time
    burst = [record for record in run if record.stamp.time > last - limit.seconds]
    if not limit.seconds or len(burst) < limit.lines or all(_is_loading(record) for record in burst):
        return []
    reason = f"the kernel prints {limit.lines} lines in {limit.seconds} s, and so many came at the end"
    return [Gap(last, last + limit.seconds, False, reason)]


def holds(reading: Reading, *, since: float) -> tuple[str, str]:
    """Whether all records since then are there: yes, no or unknown, and why."""
    if reading.begins is not None and reading.begins > since:
        return "no", f"{reading.source} does not reach back so far"
    late = [gap for gap in reading.gaps if gap.end >= since]
    if late:
        worst = next((gap for gap in late if gap.sure), late[0])
        return ("no" if worst.sure else "unknown"), worst.reason
    if reading.begins is None:
        return "unknown", f"{reading.source} does not tell how far back it reaches"
    return "yes", f"{reading.source} has every record"
