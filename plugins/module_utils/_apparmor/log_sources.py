# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read AppArmor denials from the audit log, the journal or kern.log, and find where records are missing."""

from __future__ import annotations

import calendar
import collections
import glob
import gzip
import json
import os
import re
import socket
import struct
import time
import typing as t

from .._errors import HostError
from .._probe.files import read, read_sysctl
from .audit_log import (
    Gap,
    PrintLimit,
    Reading,
    Record,
    denials_of,
    journal_records,
    line_records,
    printed_gaps,
)

if t.TYPE_CHECKING:
    from .._run import Runner

__all__ = ["AuditStatus", "LogPaths", "journal_begin", "parse_status", "read_audit_status", "read_log"]

_NETLINK_AUDIT = 9
_AUDIT_GET = 1000
_NLM_F_REQUEST = 1
_HEADER = struct.Struct("=IHHII")
# struct audit_status: mask, enabled, failure, pid, rate_limit, backlog_limit, lost; newer kernels append to it.
_STATUS = struct.Struct("=7I")
_SECONDS = 2.0


class AuditStatus(t.NamedTuple):
    """The status of the kernel's audit system.

    daemon: process ID of the audit daemon, or 0
    lost: number of records lost since boot
    """

    daemon: int
    lost: int


def parse_status(message: bytes) -> AuditStatus | None:
    """Parse the reply to AUDIT_GET.

    Return None for an error, such as a missing CAP_AUDIT_CONTROL.
    """
    if len(message) < _HEADER.size + _STATUS.size or _HEADER.unpack_from(message)[1] != _AUDIT_GET:
        return None
    dummy, dummy, dummy, daemon, dummy, dummy, lost = _STATUS.unpack_from(message, _HEADER.size)
    return AuditStatus(daemon, lost)


def read_audit_status() -> AuditStatus | None:
    """Ask the kernel for its audit status.

    Return None where it does not reply, because there is no audit system or this is a container.
    """
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_AUDIT) as kernel:
            kernel.settimeout(_SECONDS)
            kernel.sendto(_HEADER.pack(_HEADER.size, _AUDIT_GET, _NLM_F_REQUEST, 1, 0), (0, 0))
            return parse_status(kernel.recv(8192))
    except OSError:
        return None


_FIELDS = "MESSAGE,_TRANSPORT,_BOOT_ID,_AUDIT_ID,_SOURCE_REALTIME_TIMESTAMP"
# Type 1400 is AVC, from the kernel. Type 1107 is USER_AVC, from the D-Bus daemon.
_AUDIT = "_TRANSPORT=audit"
_MATCHES = ["_TRANSPORT=kernel", "+", _AUDIT, "_AUDIT_TYPE=1400", "+", _AUDIT, "_AUDIT_TYPE=1107"]
_ALWAYS = 0.0
_FOREVER = float("inf")


class LogPaths(t.NamedTuple):
    """The logs to read.

    kern_log: the syslog file of the kernel's facility; any user can write a fake denial into the other files
    root: the directory with /proc and /sys
    """

    audit_log: str = "/var/log/audit/audit.log"
    kern_log: str = "/var/log/kern.log"
    root: str = "/"


def read_log(
    source: str,
    *,
    since: float,
    lines: int,
    run: Runner,
    paths: LogPaths,
    status: t.Callable[[], AuditStatus | None] = read_audit_status,
) -> Reading:
    """Read one log.

    :param source: auto, audit_log, journal or kern_log
    :param since: how far back to read, in seconds since 1970
    :param lines: the largest number of lines to read, the newest ones
    :param status: replaces the question to the kernel, for tests
    :raises HostError: the log does not exist, or journalctl failed
    """
    audit = status()
    daemon = ["audit_log"] if audit and audit.daemon else []
    for name in [*daemon, "journal", "kern_log"] if source == "auto" else [source]:
        reading = _read(name, since=since, lines=lines, run=run, paths=paths, audit=audit)
        if reading is not None:
            return reading._replace(gaps=[*reading.gaps, *_switched_off(paths.root)])
    raise HostError(
        "AppArmor denials",
        wanted="a log that has them" if source == "auto" else f"the source {source}",
        found="no such log on this host",
        remedy="Let journald store the kernel's messages, or run an audit daemon.",
    )


def _read(
    name: str, *, since: float, lines: int, run: Runner, paths: LogPaths, audit: AuditStatus | None
) -> Reading | None:
    if name == "journal":
        return _read_journal(since=since, lines=lines, run=run, root=paths.root)
    if name == "kern_log":
        return _read_file(paths.kern_log, since=since, lines=lines, limit=_print_limit(paths.root))
    reading = _read_file(paths.audit_log, since=since, lines=lines, limit=None)
    return reading._replace(gaps=_lost(audit)) if reading else None


def _read_file(path: str, *, since: float, lines: int, limit: PrintLimit | None) -> Reading | None:
    """Read a log file and as many of its rotated files as needed.

    :param limit: the rate limit, where the file has what the kernel printed
    """
    parts = _parts(path)
    if not parts:
        return None
    records: list[Record] = []
    begins: float | None = None
    for part in parts:
        newest: collections.deque[Record] = collections.deque(maxlen=lines - len(records))
        first = None
        for record in line_records(_lines(part), printed=limit is not None):
            first = first or record
            # The kernel's log needs all records to find gaps. The log of a daemon is long, and its gaps mean nothing.
            if limit is not None or "apparmor=" in record.text:
                newest.append(record)
        records = [*newest, *records]
        if len(records) >= lines:
            begins = records[0].stamp.time
            break
        begins = first.stamp.time if first else begins
        if begins is not None and begins <= since:
            break
    return Reading(path, denials_of(records), printed_gaps(records, limit=limit) if limit else [], begins)


def _parts(path: str) -> list[str]:
    """Return the log and its rotated files, ``.1``, ``.2.gz`` and so on, the newest first."""
    names = glob.glob(glob.escape(path) + ".*")
    numbered = [(re.fullmatch(r"\.(\d+)(\.gz)?", name[len(path) :]), name) for name in names]
    older = sorted((int(match.group(1)), name) for match, name in numbered if match)
    return [part for part in [path, *(name for dummy, name in older)] if os.path.exists(part)]


def _lines(path: str) -> t.Iterator[str]:
    reader: t.Callable[..., t.Any] = gzip.open if path.endswith(".gz") else open
    with reader(path, "rt", encoding="utf-8", errors="surrogateescape") as file:
        yield from file


def _read_journal(*, since: float, lines: int, run: Runner, root: str) -> Reading | None:
    # A recent denial may still be in the kernel's buffer, and not yet in the journal.
    run(["journalctl", "--sync"])
    header = run(["journalctl", "--header", "--no-pager", "--quiet"], env={"TZ": "UTC"})
    begins = journal_begin(header.out) if header.rc == 0 else None
    if begins is None and not header.out.strip():
        return None
    argv = ["journalctl", "--no-pager", "--quiet", "--output=json", f"--output-fields={_FIELDS}"]
    limit = _print_limit(root)
    # Lines printed just before may have reached the rate limit.
    done = run([*argv, f"--since=@{max(0, int(since) - limit.seconds)}", f"--lines={lines}", *_MATCHES])
    if done.rc != 0:
        raise HostError(
            "journalctl",
            wanted="the kernel's messages",
            found=done.err.strip() or f"exit status {done.rc}",
            remedy="Run journalctl on the host to see why it fails.",
        )
    entries = [line for line in done.out.splitlines() if line.startswith("{")]
    if len(entries) >= lines:
        begins = int(json.loads(entries[0])["__REALTIME_TIMESTAMP"]) / 1_000_000
    records = list(journal_records(entries))
    return Reading("journal", denials_of(records), printed_gaps(records, limit=limit), begins)


def journal_begin(header: str) -> float | None:
    """Return the time of the oldest entry of the system journals in seconds since 1970, or None.

    :param header: the output of ``journalctl --header`` with TZ=UTC
    """
    begins = []
    ours = False
    for line in header.splitlines():
        if line.startswith("File path:"):
            ours = os.path.basename(line.split(":", 1)[1].strip()).startswith("system")
        match = re.match(r"Head realtime timestamp: \w+ ([\d-]+ [\d:]+) UTC", line, re.IGNORECASE)
        if ours and match:
            begins.append(calendar.timegm(time.strptime(match.group(1), "%Y-%m-%d %H:%M:%S")))
    return float(min(begins)) if begins else None


def _print_limit(root: str) -> PrintLimit:
    seconds, lines = (read_sysctl(root, f"kernel.printk_ratelimit{name}") for name in ("", "_burst"))
    return PrintLimit(5 if seconds is None else seconds, 10 if lines is None else lines)


def _lost(audit: AuditStatus | None) -> list[Gap]:
    if audit is None:
        return [Gap(_ALWAYS, _FOREVER, False, "the kernel does not show whether audit records were lost")]
    if audit.lost:
        return [Gap(_ALWAYS, _FOREVER, False, f"the kernel lost {audit.lost} audit records since boot")]
    return []


def _switched_off(root: str) -> list[Gap]:
    words = (read(root, "proc/cmdline").text or "").split()
    if "audit=0" in words or "audit=off" in words:
        return [Gap(_ALWAYS, _FOREVER, True, "audit=0 on the kernel's command line: nothing is logged")]
    mode = (read(root, "sys/module/apparmor/parameters/audit").text or "normal").strip()
    if mode.startswith("quiet"):
        return [Gap(_ALWAYS, _FOREVER, True, f"AppArmor's parameter audit is {mode}: denials are not logged")]
    return []
