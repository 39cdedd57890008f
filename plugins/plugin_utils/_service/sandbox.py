# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Parse the sandbox of a service, which is strict except for what the user opens by name."""

from __future__ import annotations

import re
import typing as t

from ...module_utils._errors import HostError
from .syntax import setting

__all__ = ["Sandbox", "openings", "parse_sandbox", "sandbox_lines"]

_CAPABILITY = re.compile(r"CAP_[A-Z_]+")
_FAMILY = re.compile(r"AF_[A-Z0-9]+")
_DEVICE = re.compile(r"/dev/[A-Za-z0-9/_-]+|(?:char|block)-[A-Za-z0-9_*-]+")
_NETWORK = ("AF_INET", "AF_INET6")

# A Go server works with all of these settings. ProcSubset=pid is not among them: it hides
# /proc/sys/net/core/somaxconn, and Go then silently uses a listen backlog of 128.
_STRICT = """\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictNamespaces=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
DevicePolicy=closed
UMask=0077
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
"""


class Sandbox(t.NamedTuple):
    """What the sandbox of a service opens.

    builder: whether the service compiles Go with the toolchain in ``go_root``
    write_execute: whether memory can be both writable and executable
    exposure_max: the limit for ``systemd-analyze security``
    """

    builder: bool
    go_root: str
    network: bool
    capabilities: list[str]
    address_families: list[str]
    syscalls: list[str]
    read_paths: list[str]
    read_write_paths: list[str]
    devices: list[str]
    write_execute: bool
    exposure_max: float

    @property
    def go_tree(self) -> str:
        """The path of the toolchain as AppArmor sees it, with the version and never the link ``current``."""
        parent, dummy, last = self.go_root.rpartition("/")
        return f"{parent}/*" if last == "current" else self.go_root


def parse_sandbox(item: t.Mapping[str, t.Any], *, service: str) -> Sandbox:
    """Return the sandbox that the user described.

    :raises HostError: an invalid name of a capability, address family or device
    """
    builder = item.get("profile") == "builder"
    network = item.get("network")
    sandbox = Sandbox(
        builder=builder,
        go_root=str(item.get("go_root") or "/usr/local/lib/go/current").rstrip("/"),
        network=not builder if network is None else bool(network),
        capabilities=list(item.get("capabilities") or []),
        address_families=list(item.get("address_families") or []),
        syscalls=list(item.get("syscalls") or []),
        read_paths=list(item.get("read_paths") or []),
        read_write_paths=list(item.get("read_write_paths") or []),
        devices=list(item.get("devices") or []),
        write_execute=bool(item.get("write_execute", False)),
        exposure_max=float(item.get("exposure_max", 1.5)),
    )
    for names, pattern, example in (
        (sandbox.capabilities, _CAPABILITY, "CAP_NET_BIND_SERVICE"),
        (sandbox.address_families, _FAMILY, "AF_NETLINK"),
        (sandbox.devices, _DEVICE, "/dev/fuse"),
    ):
        for name in names:
            if not pattern.fullmatch(name):
                raise HostError(
                    f"sandbox of service {service}",
                    wanted=f"a name such as {example}",
                    found=repr(name),
                    remedy="Correct it.",
                )
    return sandbox


def openings(sandbox: Sandbox) -> list[str]:
    """Return what the sandbox opens beyond the strict default, for the description of the unit."""
    return [
        *([f"Go builder with {sandbox.go_root}"] if sandbox.builder else []),
        *(["network"] if sandbox.builder and sandbox.network else []),
        *sandbox.capabilities,
        *sandbox.address_families,
        *(name for each in sandbox.syscalls for name in each.split()),
        *sandbox.read_paths,
        *sandbox.read_write_paths,
        *sandbox.devices,
        *(["writable code"] if sandbox.write_execute else []),
    ]


def sandbox_lines(sandbox: Sandbox) -> list[str]:
    """Return the settings of a service unit."""
    capabilities = " ".join(sandbox.capabilities)
    families = ["AF_UNIX", *(_NETWORK if sandbox.network else ()), *sandbox.address_families]
    lines = [
        *_STRICT.splitlines(),
        f"MemoryDenyWriteExecute={'no' if sandbox.write_execute else 'yes'}",
        f"PrivateDevices={'no' if sandbox.devices else 'yes'}",
        # A capability has no effect outside of the user namespace that PrivateUsers= creates.
        f"PrivateUsers={'no' if capabilities else 'yes'}",
        f"PrivateNetwork={'no' if sandbox.network else 'yes'}",
        f"CapabilityBoundingSet={capabilities}",
        f"AmbientCapabilities={capabilities}",
        f"RestrictAddressFamilies={' '.join(dict.fromkeys(families))}",
    ]
    lines += [f"DeviceAllow={device} rw" for device in sandbox.devices]
    if sandbox.syscalls:
        lines.append(f"SystemCallFilter={' '.join(sandbox.syscalls)}")
    if sandbox.read_write_paths:
        lines.append(f"ReadWritePaths={' '.join(setting(path) for path in sandbox.read_write_paths)}")
    return lines
