# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""A service as its user describes it, checked as a list before anything else happens."""

from __future__ import annotations

import re
import typing as t

from ...module_utils._errors import HostError
from .credentials import Credential, read_credentials
from .dependencies import Order, in_order, read_order
from .health import Health, read_health
from .instances import Member, read_members
from .lifecycle import Life, read_life
from .limits import Limits, read_limits
from .listeners import Listener, refuse_taken
from .sandbox import Sandbox, read_sandbox

__all__ = ["Gone", "Service", "Services", "read_services"]

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,47}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FIRST_UNPRIVILEGED_PORT = 1024
_BIND_LOW_PORTS = "CAP_NET_BIND_SERVICE"
_SOURCES = ("file", "build", "installed")


class Service(t.NamedTuple):
    """One Go service, which runs as one process or as several instances."""

    name: str
    description: str
    version: str
    artefact: dict[str, t.Any]
    config_files: list[dict[str, t.Any]]
    members: list[Member]
    environment_files: list[str]
    credentials: list[Credential]
    limits: Limits
    health: Health
    life: Life
    order: Order
    sandbox: Sandbox
    apparmor_mode: str
    apparmor_rules: list[str]

    @property
    def profile(self) -> str:
        """Name of the AppArmor profile: with our prefix, so that it never is a distribution's."""
        return f"gofleet.{self.name}"

    @property
    def installed(self) -> str:
        """The program where the host has it already; "" for one that we ship."""
        return self.artefact.get("installed") or ""


class Gone(t.NamedTuple):
    """A service that is to be absent. ``purge``: with all that it has written."""

    name: str
    purge: bool


class Services(t.NamedTuple):
    """The list, those that are to run each after those that it needs."""

    present: list[Service]
    absent: list[Gone]


def read_services(items: list[dict[str, t.Any]]) -> Services:
    """
    :param items: the role's ``go_service_services``, its types checked by the role's argument_specs
    :raises HostError: what can't work together or by itself, told before any host is touched
    """
    _refuse_repeated([str(item["name"]) for item in items])
    absent = [item for item in items if item.get("state") == "absent"]
    services = {str(item["name"]): _read(item) for item in items if item.get("state") != "absent"}
    refuse_taken(
        (service.name, listener)
        for service in services.values()
        for member in service.members
        for listener in member.listeners
    )
    order = in_order({name: service.order for name, service in services.items()})
    return Services(
        present=[services[name] for name in order],
        absent=[Gone(str(item["name"]), bool(item.get("purge", False))) for item in absent],
    )


def _read(item: dict[str, t.Any]) -> Service:
    name = str(item["name"])
    apparmor = item.get("apparmor") or {}
    members = read_members(item)
    service = Service(
        name=name,
        description=item.get("description") or f"Go service {name}",
        version=str(item.get("version") or ""),
        artefact=item.get("artefact") or {},
        config_files=list(item.get("config_files") or []),
        members=members,
        environment_files=[str(path) for path in item.get("environment_files") or []],
        credentials=read_credentials(item.get("credentials") or [], service=name),
        limits=read_limits(item.get("limits") or {}, service=name),
        health=read_health(item.get("health"), listeners=members[0].listeners, service=name),
        life=read_life(item, service=name),
        order=read_order(item),
        sandbox=read_sandbox(item.get("sandbox") or {}, service=name),
        apparmor_mode=apparmor.get("mode", "enforce"),
        apparmor_rules=list(apparmor.get("rules") or []),
    )
    _refuse_artefact(service)
    _refuse_impossible(service)
    return service


def _refuse_repeated(names: list[str]) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise HostError(
                f"service {name}",
                wanted="a name of at most 48 lower-case letters, digits, - and _, a letter first",
                found=repr(name),
                remedy="Rename it: units, users, directories and the AppArmor profile carry this name.",
            )
        if names.count(name) > 1:
            raise HostError(
                f"service {name}",
                wanted="each name once in go_service_services",
                found="it twice",
                remedy="Rename or remove one of the two.",
            )


def _refuse_artefact(service: Service) -> None:
    given = [source for source in _SOURCES if service.artefact.get(source)]
    if len(given) != 1:
        raise HostError(
            f"service {service.name}",
            wanted="an artefact" if not given else "one artefact",
            found=" and ".join(given) or "none",
            remedy="Set artefact.file to a program on the controller, artefact.build.directory to its sources, "
            "or artefact.installed to a program that the host has already.",
        )
    relative = [
        *(words[0] for words in service.life.hooks if words and not words[0].startswith("/")),
        *(path for path in service.environment_files if not path.startswith("/")),
        *(str(file["path"]) for file in service.config_files),
    ]
    if service.installed and (relative or not service.installed.startswith("/")):
        raise HostError(
            f"service {service.name}",
            wanted="absolute paths alone, as a program that is installed already has no release",
            found=", ".join(relative) or repr(service.installed),
            remedy="Give absolute paths, or ship the program with artefact.file.",
        )


def _refuse_impossible(service: Service) -> None:
    subject = f"service {service.name}"
    for member in service.members:
        for variable in member.environment:
            if not _VARIABLE.fullmatch(variable):
                raise HostError(
                    subject,
                    wanted="names of variables out of letters, digits and _",
                    found=repr(variable),
                    remedy="Correct environment.",
                )
        if service.life.timer and member.listeners:
            raise HostError(
                subject,
                wanted="either sockets or a timer to start it",
                found="both",
                remedy="Leave one of them out, or make two services of it.",
            )
        for listener in member.listeners:
            _refuse_low_port(service, listener)


def _refuse_low_port(service: Service, listener: Listener) -> None:
    low = 0 < listener.port < _FIRST_UNPRIVILEGED_PORT and not listener.unit
    if low and _BIND_LOW_PORTS not in service.sandbox.capabilities:
        raise HostError(
            f"service {service.name}",
            wanted=f"{_BIND_LOW_PORTS} for port {listener.port}, which the service binds by itself (socket: false)",
            found=f"capabilities {service.sandbox.capabilities}",
            remedy=f"Let systemd own the port (socket: true), or add {_BIND_LOW_PORTS} to sandbox.capabilities.",
        )
