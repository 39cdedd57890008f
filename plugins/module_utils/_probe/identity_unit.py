# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Copy the properties of a service to a transient service."""

from __future__ import annotations

import typing as t

from .._errors import HostError

__all__ = ["QUERIED_PROPERTIES", "UnitProperties", "unit_properties"]

# Properties that decide what the kernel allows. Each is copied as systemctl prints it, except those handled below.
_COPIED = (
    "User",
    "Group",
    "SupplementaryGroups",
    "DynamicUser",
    "AmbientCapabilities",
    "CapabilityBoundingSet",
    "NoNewPrivileges",
    "SystemCallFilter",
    "SystemCallArchitectures",
    "RestrictNamespaces",
    "RestrictAddressFamilies",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "LockPersonality",
    "KeyringMode",
    "PrivateDevices",
    "ProtectClock",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
)
_LIMITS = ("LimitMEMLOCK", "LimitNOFILE", "LimitNPROC")
# systemctl prints a bit mask. systemd-run takes names.
_SECURE_BITS = (
    "noroot",
    "noroot-locked",
    "no-setuid-fixup",
    "no-setuid-fixup-locked",
    "keep-caps",
    "keep-caps-locked",
)
# The values for the action "kill" instead of an error number. Before systemd 247 it is 0.
_KILL = ("0", "2147483646")
# Not copied. A profile and file system settings that were written for one program would keep Python from starting.
# The others do not affect what is probed. The result names those that the unit sets.
_NOT_COPIED = (
    "AppArmorProfile",
    "SELinuxContext",
    "SmackProcessLabel",
    "MemoryDenyWriteExecute",
    "RootDirectory",
    "RootImage",
    "BindPaths",
    "BindReadOnlyPaths",
    "ReadWritePaths",
    "ReadOnlyPaths",
    "InaccessiblePaths",
    "ExecPaths",
    "NoExecPaths",
    "TemporaryFileSystem",
    "ProtectSystem",
    "ProtectHome",
    "ProtectProc",
    "ProcSubset",
    "ProtectControlGroups",
    "ProtectHostname",
    "PrivateTmp",
    "PrivateNetwork",
    "NetworkNamespacePath",
    "RestrictFileSystems",
    "DevicePolicy",
)
# DynamicUser=yes implies these.
_IMPLIED = {"ProtectSystem": "strict", "ProtectHome": "read-only", "PrivateTmp": "yes"}
_UNSET = ("", "no", "default", "all", "auto", "~", "[not set]")

QUERIED_PROPERTIES = (
    "LoadState",
    "SecureBits",
    "SystemCallErrorNumber",
    "PrivateUsers",
    "PrivateUsersEx",
    *_COPIED,
    *_LIMITS,
    *(f"{limit}Soft" for limit in _LIMITS),
    *_NOT_COPIED,
)


class UnitProperties(t.NamedTuple):
    """The properties to set on the transient service, and the settings of the unit that were not copied."""

    properties: dict[str, str]
    not_carried: list[str]


def unit_properties(shown: t.Mapping[str, str], *, unit: str) -> UnitProperties:
    """Convert the output of ``systemctl show`` to the properties that ``systemd-run --property`` takes."""
    state = shown.get("LoadState", "")
    if state != "loaded":
        raise HostError(
            unit,
            wanted="a service that systemd has loaded",
            found=f"LoadState {state or 'missing'}",
            remedy="Name a service that is installed on this host.",
        )
    implied = _IMPLIED if shown.get("DynamicUser") == "yes" else {}
    not_carried = [
        f"{name}={shown[name]}"
        for name in _NOT_COPIED
        if shown.get(name, "") not in _UNSET and shown[name] != implied.get(name)
    ]
    properties = {name: shown[name] for name in _COPIED if _worth_setting(name, shown.get(name))}
    families = shown.get("RestrictAddressFamilies")
    if families == "":
        # An empty list allows no family. systemd-run has no syntax for that.
        not_carried.append("RestrictAddressFamilies=none")
    bits = shown.get("SecureBits", "")
    if bits.isdigit() and int(bits):
        names = (name for bit, name in enumerate(_SECURE_BITS) if int(bits) >> bit & 1)
        properties["SecureBits"] = " ".join(names)
    number = shown.get("SystemCallErrorNumber", "")
    if number.isdigit() and number not in _KILL:
        properties["SystemCallErrorNumber"] = number
    # PrivateUsers is yes or no. Since systemd 257, PrivateUsersEx holds the other kinds.
    users = next((name for name in ("PrivateUsersEx", "PrivateUsers") if name in shown), None)
    if users is not None and shown[users] not in _UNSET:
        properties[users] = shown[users]
    properties.update(_limits(shown))
    return UnitProperties(properties, not_carried)


def _worth_setting(name: str, value: str | None) -> bool:
    # An empty bounding set drops every capability. For the other properties, empty is the same as not set.
    return value is not None and (name == "CapabilityBoundingSet" or value not in _UNSET)


def _limits(shown: t.Mapping[str, str]) -> dict[str, str]:
    pairs = {limit: (shown.get(f"{limit}Soft", ""), shown.get(limit, "")) for limit in _LIMITS}
    return {limit: f"{soft}:{hard}" for limit, (soft, hard) in pairs.items() if soft and hard}
