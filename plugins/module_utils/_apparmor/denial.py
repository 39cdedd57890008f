# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""One denial of AppArmor, out of one line of an audit log, of whichever kernel."""

from __future__ import annotations

import re
import typing as t

__all__ = ["Denial", "Stamp", "parse_denial", "parse_stamp"]

_STAMP = re.compile(r"audit\((\d+)\.(\d+):(\d+)\)")
# Records of AppArmor, and of daemons that ask it. Those of other types may quote what a user typed.
_TYPE = re.compile(r"(?:^|type=)(?:AVC|USER_AVC|1400|1107|APPARMOR_\w+)(?= )")
_VERDICTS = ("DENIED", "ALLOWED", "KILLED")
_PAIR = re.compile(r'(\w+)=("[^"]*"|[^\s\']*)')
# What a user can choose is written as hexadecimal digits, without quotes, once it has a blank, a quote or a byte
# outside of ASCII (audit_log_untrustedstring).
_UNTRUSTED = (
    "name",
    "comm",
    "profile",
    "target",
    "srcname",
    "peer",
    "addr",
    "peer_addr",
    "label",
    "peer_label",
)
_HEXADECIMAL = re.compile(r"(?:[0-9A-F]{2})+")
# Of 6.1, which has no class= yet, and those whose class does not tell them apart.
_KINDS = {
    "signal": "signal",
    "ptrace": "ptrace",
    "mount": "mount",
    "umount": "umount",
    "pivotroot": "pivot_root",
    "userns_create": "userns",
    "setrlimit": "rlimit",
    "exec": "exec",
}


class Stamp(t.NamedTuple):
    """When the kernel made a record, in seconds since 1970, and its number since boot."""

    time: float
    serial: int


class Denial(t.NamedTuple):
    """What one profile denied, or would have.

    ``verdict`` is DENIED, KILLED, or ALLOWED, which is that of complain mode.
    ``kind`` is file, exec, capability, network, unix, signal, ptrace, mount, umount, pivot_root, dbus or another
    word of the kernel. ``fields`` are as logged, decoded; bytes that are no UTF-8 are surrogates.
    """

    stamp: Stamp
    verdict: str
    profile: str
    kind: str
    fields: dict[str, str]

    def get(self, name: str) -> str:
        return self.fields.get(name, "")

    @property
    def mask(self) -> str:
        """What was refused, in the kernel's letters or words."""
        return self.get("denied_mask") or self.get("denied") or self.get("mask")

    @property
    def optional(self) -> bool:
        """Whether the kernel only looked if the capability is there, and goes on without: CAP_OPT_NOAUDIT.

        Such a question is logged in complain mode alone, and enforcing answers it without a line.
        """
        return self.get("info").startswith("optional")


def parse_stamp(text: str) -> Stamp | None:
    """The stamp of any audit record, of whatever type."""
    match = _STAMP.search(text)
    if match is None:
        return None
    return Stamp(float(f"{match.group(1)}.{match.group(2)}"), int(match.group(3)))


def parse_denial(text: str, *, stamp: Stamp | None = None) -> Denial | None:
    """
    :param text: a line of the audit log, of the kernel's log, or the message of a journal entry
    :param stamp: the record's stamp, where the text has none
    :returns: None for everything else, also for denials in a policy namespace of a container
    """
    begin = text.find('apparmor="')
    found = stamp or parse_stamp(text)
    if begin < 0 or found is None or not _TYPE.search(text[:begin]):
        return None
    # auditd appends names for the numbers behind this separator.
    fields = _fields(text[begin:].split("\x1d", 1)[0])
    verdict, profile = fields.get("apparmor", ""), fields.get("profile") or fields.get("label")
    if verdict not in _VERDICTS or not profile or fields.get("namespace", "root") != "root":
        return None
    return Denial(found, verdict, profile, _kind(fields), fields)


def _fields(text: str) -> dict[str, str]:
    fields = {}
    for key, value in _PAIR.findall(text):
        if value.startswith('"'):
            fields[key] = value[1:-1]
        elif key in _UNTRUSTED and _HEXADECIMAL.fullmatch(value):
            fields[key] = bytes.fromhex(value).decode("utf-8", "surrogateescape")
        else:
            fields[key] = value
    return fields


def _kind(fields: t.Mapping[str, str]) -> str:
    operation, told = fields.get("operation", ""), fields.get("class", "file")
    if "capname" in fields:
        return "capability"
    if "family" in fields:
        return "unix" if fields["family"] == "unix" else "network"
    if operation.startswith("dbus"):
        return "dbus"
    if operation in _KINDS:
        return _KINDS[operation]
    return operation if told == "file" and operation.startswith("change_") else told
