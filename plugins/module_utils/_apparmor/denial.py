# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Parse one AppArmor denial from one line of an audit log, for all supported kernels."""

from __future__ import annotations

import re
import typing as t

__all__ = ["Denial", "Stamp", "parse_denial", "parse_stamp"]

# As many digits as the kernel prints: seconds, milliseconds, and a serial number of 32 bits.
_STAMP = re.compile(r"audit\((\d{1,12})\.(\d{1,9}):(\d{1,10})\)", re.ASCII)
# Record types of AppArmor and of daemons that use it. Other types may quote text that a user typed.
_TYPE = re.compile(r"(?:^|type=)(?:AVC|USER_AVC|1400|1107|APPARMOR_\w+)(?= )")
_VERDICTS = ("DENIED", "ALLOWED", "KILLED")
_PAIR = re.compile(r'(\w+)=("[^"]*"|[^\s\']*)')
# The kernel writes these values as hexadecimal digits without quotes when they have a blank, a quote or a byte
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
# Kinds by operation: Linux 6.1 has no class= yet, and some classes have several operations.
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
    """The time of an audit record in seconds since 1970, and its serial number since boot."""

    time: float
    serial: int


class Denial(t.NamedTuple):
    """One access that a profile denied, or would have denied in complain mode.

    verdict: DENIED or KILLED, or in complain mode ALLOWED
    kind: file, exec, capability, network, unix, signal, ptrace, mount, umount, pivot_root, dbus, or another class
        of the kernel
    fields: the decoded fields of the record; bytes that are not UTF-8 are surrogates
    """

    stamp: Stamp
    verdict: str
    profile: str
    kind: str
    fields: dict[str, str]

    def get(self, name: str) -> str:
        """Return a field, or an empty string."""
        """Return a field, or an empty string."""
        """Return a field, or an empty string."""
        """Return a field, or an empty string."""
        return self.fields.get(name, "")

    @property
    def mask(self) -> str:
        """The denied access in the kernel's letters or words."""
        return self.get("denied_mask") or self.get("denied") or self.get("mask")

    @property
    def optional(self) -> bool:
        """Whether the kernel only checked for a capability that it does not need (CAP_OPT_NOAUDIT).

        Such a check is logged only in complain mode.
        """
        return self.get("info").startswith("optional")


def parse_stamp(text: str) -> Stamp | None:
    """Return the stamp of an audit record of any type, or None."""
    match = _STAMP.search(text)
    if match is None:
        return None
    return Stamp(float(f"{match.group(1)}.{match.group(2)}"), int(match.group(3)))


def parse_denial(text: str, *, stamp: Stamp | None = None) -> Denial | None:
    """Parse a denial.

    :param text: a line of the audit log, of the kernel's log, or the message of a journal entry
    :param stamp: the record's stamp, where the text has none
    :returns: None for any other record, and for denials in a policy namespace of a container
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
    operation, mediation_class = fields.get("operation", ""), fields.get("class", "file")
    if "capname" in fields:
        return "capability"
    if "family" in fields:
        return "unix" if fields["family"] == "unix" else "network"
    if operation.startswith("dbus"):
        return "dbus"
    if operation in _KINDS:
        return _KINDS[operation]
    is_change = mediation_class == "file" and operation.startswith("change_")
    return operation if is_change else mediation_class
