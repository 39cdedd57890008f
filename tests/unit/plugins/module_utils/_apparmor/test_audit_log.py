# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gzip
import json
import pathlib
import struct
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor import log_sources
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.audit_log import (
    Gap,
    PrintLimit,
    Reading,
    Record,
    completeness,
    denials_of,
    journal_records,
    line_records,
    printed_gaps,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.denial import Stamp
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.log_sources import (
    AuditStatus,
    LogPaths,
    journal_begin,
    parse_status,
    read_log,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed

from .test_denial import RECORDED

LIMIT = PrintLimit(5, 10)


def line(serial: int, *, time: float = 0, kind: int = 1400, verdict: str = "DENIED") -> str:
    stamp = f"audit({1000 + (time or serial):.3f}:{serial})"
    return f'audit: type={kind} {stamp}: apparmor="{verdict}" operation="open" profile="p" name="/f{serial}"'


def record(serial: int, *, time: float = 0, printed: bool = True, verdict: str = "DENIED") -> Record:
    stamp = Stamp(1000 + (time or serial), serial)
    return Record(stamp, line(serial, time=time, verdict=verdict), "", printed)


def test_missing_serial_numbers_are_gaps() -> None:
    (gap,) = printed_gaps([record(1), record(2), record(30), record(31)], limit=LIMIT)
    assert (gap.begin, gap.end, gap.sure) == (1002, 1007, True)
    assert "lacks 27 audit records" in gap.reason


def test_a_gap_of_billions_is_counted_and_not_listed() -> None:
    received = [record(5, printed=False), record(9, printed=False)]
    (gap,) = printed_gaps([*received, record(1), record(2**32 - 1)], limit=LIMIT)
    assert "lacks 4294967291 audit records" in gap.reason


@pytest.mark.parametrize(
    ("field", "value"), [("_AUDIT_ID", "9" * 5000), ("_SOURCE_REALTIME_TIMESTAMP", "9" * 400)]
)
def test_an_entry_of_the_journal_with_an_impossible_stamp_is_none(field: str, value: str) -> None:
    entry = {"MESSAGE": "x", "_AUDIT_ID": "1", "_SOURCE_REALTIME_TIMESTAMP": "1", field: value}
    assert list(journal_records([json.dumps(entry)])) == []


def test_a_line_with_an_impossible_stamp_is_none() -> None:
    assert list(line_records([line(1).replace(":1)", f":{'9' * 5000})")], printed=True)) == []


def test_without_a_limit_a_gap_reaches_to_the_next_record() -> None:
    (gap,) = printed_gaps([record(2), record(30)], limit=PrintLimit(0, 10))
    assert (gap.begin, gap.end) == (1002, 1030)


def test_a_recorded_boot_lost_records_only_while_profiles_loaded() -> None:
    lines = (RECORDED / "boot-6.12.log").read_text().splitlines()
    records = list(line_records(lines, printed=True))
    serials = [one.stamp.serial for one in records]
    assert max(after - before for before, after in zip(serials, serials[1:])) > 40
    assert printed_gaps(records, limit=LIMIT) == []


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_a_recorded_run_with_lines_removed_has_gaps(kernel: str) -> None:
    lines = (RECORDED / f"kernel-{kernel}.log").read_text().splitlines()
    records = list(line_records(lines, printed=True))
    assert printed_gaps([*records[:20], *records[40:]], limit=LIMIT)[0].sure


def test_serial_numbers_restart_at_a_boot() -> None:
    assert printed_gaps([record(900, time=1), record(2, time=2), record(3, time=3)], limit=LIMIT) == []


def test_records_that_a_listener_received_are_not_missing() -> None:
    received = [record(serial, printed=False) for serial in range(1, 30)]
    assert printed_gaps([*received, record(1), record(29)], limit=LIMIT) == []


def test_a_late_listener_does_not_cover_earlier_records() -> None:
    received = [record(serial, printed=False) for serial in range(20, 30)]
    gaps = printed_gaps([*received, record(1), record(15), record(29)], limit=LIMIT)
    assert ["lacks 13" in gap.reason for gap in gaps] == [True, False]


def test_a_burst_at_the_end_is_a_possible_gap() -> None:
    burst = [record(serial, time=1 + serial / 100) for serial in range(1, 11)]
    (gap,) = printed_gaps(burst, limit=LIMIT)
    assert (gap.sure, gap.end - gap.begin) == (False, 5)
    assert printed_gaps(burst[1:], limit=LIMIT) == []
    assert printed_gaps(burst, limit=PrintLimit(0, 10)) == []
    loading = [record(serial, time=1 + serial / 100, verdict="STATUS") for serial in range(1, 11)]
    assert printed_gaps(loading, limit=LIMIT) == []


@pytest.mark.parametrize(
    ("begins", "gaps", "since", "answer"),
    [
        (0.0, [], 100, "yes"),
        (200.0, [], 100, "no"),
        (None, [], 100, "unknown"),
        (0.0, [Gap(10, 20, True, "lost")], 100, "yes"),
        (0.0, [Gap(90, 110, True, "lost")], 100, "no"),
        (0.0, [Gap(150, 160, False, "perhaps")], 100, "unknown"),
        (0.0, [Gap(150, 160, False, "perhaps"), Gap(170, 180, True, "lost")], 100, "no"),
        (None, [Gap(150, 160, True, "lost")], 100, "no"),
    ],
)
def test_completeness_and_its_reason(
    begins: float | None, gaps: list[Gap], since: float, answer: str
) -> None:
    found, reason = completeness(Reading("the log", [], gaps, begins), since=since)
    assert found == answer
    assert reason


def entry(transport: str, serial: int, **more: t.Any) -> str:
    text = line(serial)
    if transport == "audit":
        own = {"_AUDIT_ID": str(serial), "_SOURCE_REALTIME_TIMESTAMP": str((1000 + serial) * 1_000_000)}
        text = "AVC " + text.split(": ", 2)[2]
    else:
        own = {}
    fields = {"_TRANSPORT": transport, "_BOOT_ID": "b", "MESSAGE": text, "__REALTIME_TIMESTAMP": "1500000000"}
    return json.dumps({**fields, **own, **more})


def test_a_denial_that_the_journal_has_twice_is_returned_once() -> None:
    records = list(journal_records([entry("kernel", 5), entry("audit", 5), entry("audit", 6)]))
    assert [one.printed for one in records] == [True, False, False]
    assert [denial.get("name") for denial in denials_of(records)] == ["/f5", "/f6"]


def test_the_journal_can_have_bytes_and_other_messages() -> None:
    odd = list(line(5).replace("/f5", "/\udcff").encode("utf-8", "surrogateescape"))
    lines = [
        entry("kernel", 5, MESSAGE=odd),
        entry("kernel", 6, MESSAGE="usb 1-1: new device"),
        entry("kernel", 7, MESSAGE=None),
        entry("kernel", 8, MESSAGE=f"evil: {line(8)}"),
        entry("audit", 9, _AUDIT_ID="x"),
    ]
    assert [denial.get("name") for denial in denials_of(journal_records(lines))] == ["/\udcff"]


class Journal:
    """A journalctl with these entries."""

    def __init__(self, *entries: str, begin: str = "Thu 1970-01-01 00:10:00 UTC") -> None:
        self.entries = entries
        self.header = f"File path: /var/log/journal/x/system.journal\nHead realtime timestamp: {begin}\n"
        self.calls: list[list[str]] = []

    def __call__(self, argv: list[str], *, stdin: str | None = None, env: t.Any = None) -> Completed:
        self.calls.append(argv)
        if "--header" in argv:
            assert env == {"TZ": "UTC"}
            return Completed(0, self.header, "")
        return Completed(0, "".join(f"{one}\n" for one in self.entries), "")


def paths(root: pathlib.Path, *, command_line: str = "quiet", audit: str = "normal") -> LogPaths:
    (root / "proc/sys/kernel").mkdir(parents=True)
    (root / "proc/cmdline").write_text(command_line + "\n")
    (root / "sys/module/apparmor/parameters").mkdir(parents=True)
    (root / "sys/module/apparmor/parameters/audit").write_text(audit + "\n")
    return LogPaths(str(root / "audit.log"), str(root / "kern.log"), str(root))


HEALTHY = AuditStatus(0, 0)


def read(
    root: pathlib.Path,
    where: LogPaths,
    *,
    source: str = "auto",
    status: AuditStatus | None = HEALTHY,
    **more: t.Any,
) -> Reading:
    options: dict[str, t.Any] = {"since": 1000, "lines": 1000, "run": Journal(), **more}
    return read_log(source, paths=where, status=lambda: status, **options)


def test_the_journal_is_read_where_no_audit_daemon_runs(tmp_path: pathlib.Path) -> None:
    where = paths(tmp_path)
    (tmp_path / "audit.log").write_text("left over\n")
    journal = Journal(entry("kernel", 5))
    reading = read(tmp_path, where, run=journal)
    assert (reading.source, len(reading.denials), reading.begins) == ("journal", 1, 600.0)
    assert completeness(reading, since=1000)[0] == "yes"
    assert "--since=@995" in journal.calls[-1] and "--lines=1000" in journal.calls[-1]


def test_a_limited_journal_begins_at_its_first_line(tmp_path: pathlib.Path) -> None:
    reading = read(tmp_path, paths(tmp_path), run=Journal(entry("kernel", 5), entry("kernel", 6)), lines=2)
    assert reading.begins == 1500.0


def test_the_log_of_an_audit_daemon_with_rotated_files(tmp_path: pathlib.Path) -> None:
    where = paths(tmp_path)
    for name, serials in {"audit.log": [30, 31], "audit.log.1": [20, 21], "audit.log.2": [10, 11]}.items():
        text = "".join(line(s).replace("audit: type=1400", "type=AVC msg=") + "\n" for s in serials)
        (tmp_path / name).write_text(text.replace("msg= audit", "msg=audit"))
    status = AuditStatus(daemon=400, lost=0)
    reading = read(tmp_path, where, status=status, since=1025)
    assert reading.source == where.audit_log
    assert [denial.stamp.serial for denial in reading.denials] == [20, 21, 30, 31]
    assert (reading.begins, completeness(reading, since=1025)[0]) == (1020.0, "yes")
    everything = read(tmp_path, where, status=status, since=1)
    assert len(everything.denials) == 6
    assert completeness(everything, since=1)[0] == "no"
    assert completeness(read(tmp_path, where, status=AuditStatus(400, lost=3)), since=1025)[0] == "unknown"
    assert len(read(tmp_path, where, status=status, since=1, lines=3).denials) == 3


def test_kern_log_with_a_compressed_file(tmp_path: pathlib.Path) -> None:
    where = paths(tmp_path)
    (tmp_path / "kern.log").write_text(f"Nov 25 22:50:04 h kernel: [ 1.2] {line(12)}\n")
    with gzip.open(tmp_path / "kern.log.2.gz", "wt") as file:
        file.write(f"Nov 25 22:50:04 h kernel: {line(11)}\nNov 25 22:50:04 h kernel: other\n")
    (tmp_path / "kern.log.save").write_text(line(1))

    def no_journal(argv: list[str], **more: t.Any) -> Completed:
        return Completed(127 if argv[0] == "journalctl" else 1, "", "not found")

    reading = read(tmp_path, where, run=no_journal, since=1)
    assert [denial.stamp.serial for denial in reading.denials] == [11, 12]
    with pytest.raises(HostError, match="run an audit daemon"):
        read(tmp_path, where._replace(kern_log="/nowhere"), run=no_journal)


@pytest.mark.parametrize("source", ["audit_log", "kern_log"])
def test_a_missing_source_is_an_error(tmp_path: pathlib.Path, source: str) -> None:
    with pytest.raises(HostError, match=f"the source {source}"):
        read(tmp_path, paths(tmp_path), source=source)


def test_a_journalctl_that_fails_is_an_error(tmp_path: pathlib.Path) -> None:
    def fails(argv: list[str], **more: t.Any) -> Completed:
        return (
            Completed(0, "File path: x", "") if "--header" in argv else Completed(1, "", "Permission denied")
        )

    with pytest.raises(HostError, match="Permission denied"):
        read(tmp_path, paths(tmp_path), run=fails)


@pytest.mark.parametrize(
    ("options", "text"),
    [({"command_line": "ro audit=0"}, "audit=0"), ({"audit": "quiet_denied"}, "quiet_denied")],
)
def test_a_kernel_that_logs_nothing_is_reported(
    tmp_path: pathlib.Path, options: dict[str, str], text: str
) -> None:
    answer, reason = completeness(read(tmp_path, paths(tmp_path, **options)), since=1000)
    assert answer == "no"
    assert text in reason


def test_only_the_system_journal_counts() -> None:
    head = "Head Realtime Timestamp: Wed 2026-11-25 22:49:{} UTC{}\n"
    files = [("user-1000", "10", ""), ("system", "30", " (66121a3cf2037)"), ("system@0", "20", "")]
    header = "".join(f"File path: /var/log/journal/m/{n}.journal\n{head.format(s, h)}" for n, s, h in files)
    assert journal_begin(header) == 1795646960.0
    assert journal_begin("") is None


def test_the_audit_status_is_parsed() -> None:
    header = struct.pack("=IHHII", 60, 1000, 0, 1, 7)
    status = struct.pack("=11I", 0, 1, 1, 400, 0, 64, 3, 0, 0, 0, 0)
    assert parse_status(header + status) == AuditStatus(daemon=400, lost=3)
    refused = struct.pack("=IHHIIi", 36, 2, 0, 1, 7, -1) + header
    assert parse_status(refused) is None


def test_a_kernel_that_does_not_reply_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*arguments: object) -> t.Any:
        raise OSError("Protocol not supported")

    monkeypatch.setattr(log_sources.socket, "socket", refuses)
    assert log_sources.read_audit_status() is None
