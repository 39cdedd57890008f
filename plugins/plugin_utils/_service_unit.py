# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""The systemd units of a service: a socket that owns the port, and a service in a strict sandbox."""

from __future__ import annotations

import re

from ._service import Service

__all__ = ["service_unit", "socket_unit"]

# Leaves a tenth of MemoryMax to what Go's memory limit does not see: stacks of C, page tables, the binary.
_GOMEMLIMIT_SHARE = 0.9

# Each line opens nothing a Go server needs. ProcSubset=pid is left out on purpose: it hides
# /proc/sys/net/core/somaxconn, and Go then takes a listen backlog of 128 without a word.
_SANDBOX = """\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
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
MemoryDenyWriteExecute=yes
RemoveIPC=yes
KeyringMode=private
DevicePolicy=closed
UMask=0077
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
"""

_SAFE_WORD = re.compile(r"[A-Za-z0-9@%+=:,./_-]+")


def socket_unit(service: Service) -> str:
    """The unit that owns the port, so that a new build never closes it."""
    return f"""\
[Unit]
Description={_text(service.description)} (socket)

[Socket]
ListenStream={service.listen}
FileDescriptorName={service.name}
# As long a queue as the kernel allows (net.core.somaxconn); systemd by itself asks for 4096.
Backlog=65535
# Keeps what clients have sent while no process is there to accept it.
FlushPending=no
NoDelay=yes

[Install]
WantedBy=sockets.target
"""


def service_unit(service: Service, *, executable: str) -> str:
    """
    :param executable: the program behind the release's ``current`` link
    """
    sections = [_unit_section(service), _service_section(service, executable=executable)]
    return "\n".join([*sections, "[Install]\nWantedBy=multi-user.target\n"])


def _unit_section(service: Service) -> str:
    lines = ["[Unit]", f"Description={_text(service.description)}", "After=network.target"]
    if service.socket:
        lines += [f"Requires={service.name}.socket", f"After={service.name}.socket"]
    return "\n".join(lines) + "\n"


def _service_section(service: Service, *, executable: str) -> str:
    command = " ".join(_word(word) for word in [executable, *service.arguments])
    lines = [
        "[Service]",
        f"Type={'notify' if service.notify else 'exec'}",
        f"ExecStart={command}",
        *[f"Environment={_word(f'{key}={value}')}" for key, value in sorted(_environment(service).items())],
        "DynamicUser=yes",
        f"StateDirectory={service.name}",
        f"SyslogIdentifier={service.name}",
        # Ignored by systemd where the kernel has no AppArmor; where it has, no profile means no start.
        f"AppArmorProfile={service.profile}",
        "Restart=on-failure",
        "RestartSec=1s",
        "TimeoutStopSec=30s",
        "KillMode=mixed",
        *_limits(service),
        "",
        "# Sandbox",
        _SANDBOX.rstrip("\n"),
        *_openings(service),
    ]
    return "\n".join(lines) + "\n"


def _environment(service: Service) -> dict[str, str]:
    """GOMEMLIMIT follows MemoryMax, unless the user says otherwise: Go reads no cgroup for it."""
    if not service.memory_max:
        return service.environment
    limit = int(service.memory_max * _GOMEMLIMIT_SHARE) >> 20
    return {"GOMEMLIMIT": f"{max(limit, 1)}MiB", **service.environment}


def _limits(service: Service) -> list[str]:
    lines = [f"LimitNOFILE={service.nofile}"]
    if service.memory_max:
        lines.append(f"MemoryMax={service.memory_max}")
    if service.cpu_quota:
        lines.append(f"CPUQuota={service.cpu_quota}")
    return lines


def _openings(service: Service) -> list[str]:
    capabilities = " ".join(service.capabilities)
    families = " ".join(["AF_INET", "AF_INET6", "AF_UNIX", *service.address_families])
    lines = [
        # A capability counts for nothing in a user namespace of the service's own.
        f"PrivateUsers={'no' if capabilities else 'yes'}",
        f"CapabilityBoundingSet={capabilities}",
        f"AmbientCapabilities={capabilities}",
        f"RestrictAddressFamilies={families}",
    ]
    if service.syscalls:
        lines.append(f"SystemCallFilter={' '.join(service.syscalls)}")
    if service.read_write_paths:
        lines.append(f"ReadWritePaths={' '.join(_word(path) for path in service.read_write_paths)}")
    return lines


def _word(word: str) -> str:
    """One word of a systemd setting: specifiers taken literally, quoted where it must be (systemd.syntax(7))."""
    literal = word.replace("%", "%%").replace("$", "$$")
    if _SAFE_WORD.fullmatch(literal):
        return literal
    escaped = literal.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _text(text: str) -> str:
    return " ".join(text.replace("%", "%%").split())
