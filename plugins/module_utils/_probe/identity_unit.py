# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""What systemd gives a service, as properties of another one."""

from __future__ import annotations

import typing as t

from .._errors import HostError

__all__ = ["SHOWN", "UnitProperties", "unit_properties"]

# These decide what the kernel allows. Each is given back as it is shown, unless below.
_CARRIED = (
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
# Shown as a bit mask, set by name.
_SECURE_BITS = (
    "noroot",
    "noroot-locked",
    "no-setuid-fixup",
    "no-setuid-fixup-locked",
    "keep-caps",
    "keep-caps-locked",
)
# The action "kill" instead of an error number; 0 before systemd 247.
_KILL = ("0", "2147483646")
# Not carried over: a profile and a view of the files made for one program keep the interpreter from starting, and
# the rest does not bear on what is probed. Named in the result where the unit sets them.
_LEFT = (
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
# DynamicUser=yes brings these itself.
_IMPLIED = {"ProtectSystem": "strict", "ProtectHome": "read-only", "PrivateTmp": "yes"}
_UNSET = ("", "no", "default", "all", "auto", "~", "[not set]")

SHOWN = (
    "LoadState",
    "SecureBits",
    "SystemCallErrorNumber",
    "PrivateUsers",
    "PrivateUsersEx",
    *_CARRIED,
    *_LIMITS,
    *(f"{limit}Soft" for limit in _LIMITS),
    *_LEFT,
)


class UnitProperties(t.NamedTuple):
    """Properties of a service that a transient one can have, and the names of those that it cannot."""

    properties: dict[str, str]
    not_carried: list[str]


def unit_properties(shown: t.Mapping[str, str], *, unit: str) -> UnitProperties:
    """Turn what ``systemctl show`` printed into what ``systemd-run --property`` takes."""
    state = shown.get("LoadState", "")
    if state != "loaded":
        raise HostError(
            unit,
            wanted="a service that systemd knows, to run as it would",
            found=f"LoadState {state or 'not shown'}",
            remedy="Name a service that is installed on this host.",
        )
    implied = _IMPLIED if shown.get("DynamicUser") == "yes" else {}
    left = [
        f"{name}={shown[name]}"
        for name in _LEFT
        if shown.get(name, "") not in _UNSET and shown[name] != implied.get(name)
    ]
    properties = {name: shown[name] for name in _CARRIED if _worth_setting(name, shown.get(name))}
    families = shown.get("RestrictAddressFamilies")
    if families == "":
        # An empty list allows none; systemd-run knows no word for that.
        left.append("RestrictAddressFamilies=none")
    bits = shown.get("SecureBits", "")
    if bits.isdigit() and int(bits):
        names = (name for bit, name in enumerate(_SECURE_BITS) if int(bits) >> bit & 1)
        properties["SecureBits"] = " ".join(names)
    number = shown.get("SystemCallErrorNumber", "")
    if number.isdigit() and number not in _KILL:
        properties["SystemCallErrorNumber"] = number
    # PrivateUsers is a yes or no; the kinds since systemd 257 have a property of their own.
    users = next((name for name in ("PrivateUsersEx", "PrivateUsers") if name in shown), None)
    if users is not None and shown[users] not in _UNSET:
        properties[users] = shown[users]
    properties.update(_limits(shown))
    return UnitProperties(properties, left)


def _worth_setting(name: str, value: str | None) -> bool:
    # An empty bounding set takes everything away, which for all others is the same as not setting it.
    return value is not None and (name == "CapabilityBoundingSet" or value not in _UNSET)


def _limits(shown: t.Mapping[str, str]) -> dict[str, str]:
    pairs = {limit: (shown.get(f"{limit}Soft", ""), shown.get(limit, "")) for limit in _LIMITS}
    return {limit: f"{soft}:{hard}" for limit, (soft, hard) in pairs.items() if soft and hard}
