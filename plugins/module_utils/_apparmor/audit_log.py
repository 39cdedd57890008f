# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Parse the records of an audit log and find where records are missing."""

from __future__ import annotations

import json
import typing as t
from bisect import bisect_left, bisect_right

from .denial import Denial, Stamp, parse_denial, parse_stamp

__all__ = [
    "Gap",
    "PrintLimit",
    "Reading",
    "Record",
    "completeness",
    "denials_of",
    "journal_records",
    "line_records",
    "printed_gaps",
]


class Record(t.NamedTuple):
    """One audit record.

    boot: the boot ID, or an empty string where the source has none
    printed: whether it came through the kernel's log, which is rate-limited, and not to a netlink listener
    """

    stamp: Stamp
    text: str
    boot: str
    printed: bool


class Gap(t.NamedTuple):
    """A period in which records are missing (``sure``) or may be missing, in seconds since 1970."""

    begin: float
    end: float
    sure: bool
    reason: str


class PrintLimit(t.NamedTuple):
    """The rate limit of the kernel's log, from kernel.printk_ratelimit and kernel.printk_ratelimit_burst.

    It applies to audit records when no audit daemon runs.
    """

    seconds: int
    lines: int


class Reading(t.NamedTuple):
    """The content of one log.

    begins: the time of its oldest record in seconds since 1970, or None where that is unknown
    """

    source: str
    denials: list[Denial]
    gaps: list[Gap]
    begins: float | None


def line_records(lines: t.Iterable[str], *, printed: bool) -> t.Iterator[Record]:
    """Yield the audit records in the lines of a log file.

    A file does not show where a boot begins.
    """
    for line in lines:
        stamp = parse_stamp(line)
        if stamp is not None:
            yield Record(stamp, line, "", printed)


def journal_records(lines: t.Iterable[str]) -> t.Iterator[Record]:
    """Yield the audit records in the output of ``journalctl -o json``.

    journald receives them from the kernel's log and as a netlink listener.
    """
    for line in lines:
        entry = json.loads(line)
        message = entry.get("MESSAGE")
        # Text that is not UTF-8 is a list of bytes.
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
    except (KeyError, OverflowError, TypeError, ValueError):
        return None


def denials_of(records: t.Iterable[Record]) -> list[Denial]:
    """Return each denial once, the oldest first.

    The journal can have the same denial from both of its sources.
    """
    found: dict[t.Any, Denial] = {}
    for record in records:
        denial = parse_denial(record.text, stamp=record.stamp)
        if denial is not None:
            found.setdefault((record.boot, denial.stamp, tuple(sorted(denial.fields.items()))), denial)
    return sorted(found.values(), key=lambda denial: denial.stamp)


def printed_gaps(records: t.Sequence[Record], *, limit: PrintLimit) -> list[Gap]:
    """Return where the kernel's log lacks records.

    The kernel numbers the records of a boot, so a missing number is a missing record. Where a listener received all
    printed records of a boot, it received the others too, and there is no gap.
    """
    gaps: list[Gap] = []
    for boot in dict.fromkeys(record.boot for record in records):
        ours = [record for record in records if record.boot == boot]
        printed = [record for record in ours if record.printed]
        received = {record.stamp.serial for record in ours if not record.printed}
        for run in _split_by_boot(printed):
            if not _all_received(run, received):
                gaps += _gaps(run, received, limit=limit) + _gap_at_end(run, limit=limit)
    return gaps


def _split_by_boot(printed: t.Iterable[Record]) -> list[list[Record]]:
    """Split the records of a file where the serial numbers start again, which is at a boot."""
    runs: list[list[Record]] = []
    for record in printed:
        if runs and runs[-1][-1].stamp.serial <= record.stamp.serial:
            runs[-1].append(record)
        else:
            runs.append([record])
    return runs


def _all_received(run: t.Sequence[Record], received: t.AbstractSet[int]) -> bool:
    """Whether a listener received every AppArmor record that the kernel printed."""
    ours = {record.stamp.serial for record in run if "apparmor=" in record.text}
    return bool(received) and ours <= received


def _gaps(run: t.Sequence[Record], received: t.AbstractSet[int], *, limit: PrintLimit) -> list[Gap]:
    gaps = []
    serials = sorted(received)
    for before, after in zip(run, run[1:]):
        first, last = before.stamp.serial + 1, after.stamp.serial - 1
        # Counted, not listed: in a damaged log the numbers can be billions apart.
        missing = last - first + 1 - (bisect_right(serials, last) - bisect_left(serials, first))
        # Loading many profiles, as at boot, prints a line for each. What is lost between two such lines is
        # more such lines, and no service runs yet.
        if missing > 0 and not (_is_loading(before) and _is_loading(after)):
            reason = f"the kernel's log lacks {missing} audit records, because it is rate-limited"
            # After the seconds of the limit the next record is printed again.
            end = before.stamp.time + limit.seconds if limit.seconds else after.stamp.time
            gaps.append(Gap(before.stamp.time, min(end, after.stamp.time), True, reason))
    return gaps


def _is_loading(record: Record) -> bool:
    return 'apparmor="STATUS"' in record.text


def _gap_at_end(run: t.Sequence[Record], *, limit: PrintLimit) -> list[Gap]:
    """Return a possible gap after the last record, where that record reached the rate limit.

    Records lost at the end leave no gap in the serial numbers yet.
    """
    last = run[-1].stamp.time
    burst = [record for record in run if record.stamp.time > last - limit.seconds]
    if not limit.seconds or len(burst) < limit.lines or all(_is_loading(record) for record in burst):
        return []
    reason = f"the kernel prints {limit.lines} lines in {limit.seconds} s, and the log ends with as many"
    return [Gap(last, last + limit.seconds, False, reason)]


def completeness(reading: Reading, *, since: float) -> tuple[str, str]:
    """Return whether the log has every record since a time, as yes, no or unknown, and the reason.

    :param since: seconds since 1970
    """
    if reading.begins is not None and reading.begins > since:
        return "no", f"{reading.source} does not reach back that far"
    late = [gap for gap in reading.gaps if gap.end >= since]
    if late:
        worst = next((gap for gap in late if gap.sure), late[0])
        return ("no" if worst.sure else "unknown"), worst.reason
    if reading.begins is None:
        return "unknown", f"{reading.source} does not show how far back it reaches"
    return "yes", f"{reading.source} has every record"
