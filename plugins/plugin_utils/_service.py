# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""A service as its user describes it, checked as a list before anything else happens."""

from __future__ import annotations

import re
import typing as t

from ..module_utils._errors import HostError

__all__ = ["Service", "read_services"]

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,47}")
_SIZE = re.compile(r"([0-9]+)([KMGT]?)")
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_FIRST_UNPRIVILEGED_PORT = 1024
_LAST_PORT = 65535
_BIND_LOW_PORTS = "CAP_NET_BIND_SERVICE"


class Service(t.NamedTuple):
    """One Go service. ``port`` 0: it listens on nothing that we know of. ``memory_max`` in bytes, 0 for no limit."""

    name: str
    description: str
    version: str
    artefact: dict[str, t.Any]
    address: str
    port: int
    socket: bool
    notify: bool
    arguments: list[str]
    environment: dict[str, str]
    memory_max: int
    cpu_quota: str
    nofile: int
    health_path: str
    health_timeout: int
    capabilities: list[str]
    address_families: list[str]
    syscalls: list[str]
    read_write_paths: list[str]
    exposure_max: float
    apparmor_mode: str
    apparmor_rules: list[str]

    @property
    def listen(self) -> str:
        """What the socket unit listens on, as systemd writes it: a port, or address:port."""
        return f"{self.address}:{self.port}" if self.address else str(self.port)

    @property
    def profile(self) -> str:
        """Name of the AppArmor profile: with our prefix, so that it never is a distribution's."""
        return f"gofleet.{self.name}"

    @property
    def health_url(self) -> str:
        """Where the host asks the service how it is; "" without a health check."""
        wildcard = self.address in ("", "0.0.0.0", "[::]")
        host = "127.0.0.1" if wildcard else self.address
        return f"http://{host}:{self.port}{self.health_path}" if self.health_path else ""


def read_services(items: list[dict[str, t.Any]]) -> list[Service]:
    """
    :param items: the role's ``go_service_services``, its types checked by the role's argument_specs
    :raises HostError: what can't work together or by itself, told before any host is touched
    """
    services = [_read(item) for item in items]
    names: set[str] = set()
    ports: dict[int, Service] = {}
    for service in services:
        if service.name in names:
            raise HostError(
                f"service {service.name}",
                wanted="each name once in go_service_services",
                found="it twice",
                remedy="Rename or remove one of the two.",
            )
        names.add(service.name)
        if service.port:
            _refuse_taken_port(service, ports.setdefault(service.port, service))
    return services


def _read(item: dict[str, t.Any]) -> Service:
    name = str(item["name"])
    limits, sandbox, apparmor = (item.get(part) or {} for part in ("limits", "sandbox", "apparmor"))
    port = int(item.get("port") or 0)
    health = item.get("health")
    health = {"path": "/healthz" if port else ""} if health is None else health
    service = Service(
        name=name,
        description=item.get("description") or f"Go service {name}",
        version=str(item.get("version") or ""),
        artefact=item.get("artefact") or {},
        address=item.get("address") or "",
        port=port,
        socket=bool(item.get("socket", True)) and bool(port),
        notify=bool(item.get("notify", True)),
        arguments=[str(argument) for argument in item.get("arguments") or []],
        environment={key: str(value) for key, value in (item.get("environment") or {}).items()},
        memory_max=_bytes(limits.get("memory_max") or 0, service=name),
        cpu_quota=limits.get("cpu_quota") or "",
        nofile=int(limits.get("nofile") or 524288),
        health_path=health.get("path", "/healthz"),
        health_timeout=int(health.get("timeout", 30)),
        capabilities=list(sandbox.get("capabilities") or []),
        address_families=list(sandbox.get("address_families") or []),
        syscalls=list(sandbox.get("syscalls") or []),
        read_write_paths=list(sandbox.get("read_write_paths") or []),
        exposure_max=float(sandbox.get("exposure_max", 1.5)),
        apparmor_mode=apparmor.get("mode", "enforce"),
        apparmor_rules=list(apparmor.get("rules") or []),
    )
    _refuse_impossible(service)
    return service


def _refuse_impossible(service: Service) -> None:
    subject = f"service {service.name}"
    if not _NAME.fullmatch(service.name):
        raise HostError(
            subject,
            wanted="a name of at most 48 lower-case letters, digits, - and _, a letter first",
            found=repr(service.name),
            remedy="Rename it: units, users, directories and the AppArmor profile carry this name.",
        )
    if not service.artefact.get("file") and not service.artefact.get("build"):
        raise HostError(
            subject,
            wanted="an artefact",
            found="none",
            remedy="Set artefact.file to a program on the controller, or artefact.build.directory to its sources.",
        )
    if not 0 <= service.port <= _LAST_PORT:
        raise HostError(
            subject,
            wanted=f"a TCP port from 1 to {_LAST_PORT}",
            found=str(service.port),
            remedy="Correct port, or leave it out for a service that listens on nothing.",
        )
    if service.health_path and not service.port:
        raise HostError(
            subject,
            wanted="a port to ask for its health",
            found=f"health.path {service.health_path} and no port",
            remedy="Set port, or leave health out.",
        )
    low = 0 < service.port < _FIRST_UNPRIVILEGED_PORT
    if low and not service.socket and _BIND_LOW_PORTS not in service.capabilities:
        raise HostError(
            subject,
            wanted=f"{_BIND_LOW_PORTS} for port {service.port}, which the service binds by itself (socket: false)",
            found=f"capabilities {service.capabilities}",
            remedy=f"Let systemd own the port (socket: true), or add {_BIND_LOW_PORTS} to sandbox.capabilities.",
        )


def _refuse_taken_port(service: Service, holder: Service) -> None:
    if holder is not service:
        raise HostError(
            f"service {service.name}",
            wanted=f"port {service.port} for itself",
            found=f"service {holder.name} of the same host on it",
            remedy="Give one of the two another port.",
        )


def _bytes(text: object, *, service: str) -> int:
    """Bytes of a size as systemd writes it: an integer, with K, M, G or T for powers of 1024."""
    match = _SIZE.fullmatch(str(text))
    if match is None:
        raise HostError(
            f"service {service}",
            wanted="limits.memory_max as a number of bytes, or with K, M, G or T behind it",
            found=repr(text),
            remedy="Write it like 256M.",
        )
    return int(match[1]) * 1024 ** _POWERS[match[2]]
