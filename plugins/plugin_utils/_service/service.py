# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Parse the descriptions of services and check them as a whole before any host is changed."""

from __future__ import annotations

import re
import typing as t

from ...module_utils._errors import HostError
from .credentials import Credential, parse_credentials
from .dependencies import Dependencies, parse_dependencies, start_order
from .health import HealthCheck, parse_health
from .instances import Instance, parse_instances
from .lifecycle import Lifecycle, parse_lifecycle
from .limits import Limits, parse_limits
from .listeners import Listener, refuse_conflicts
from .sandbox import Sandbox, parse_sandbox

__all__ = ["AbsentService", "Service", "Services", "parse_services"]

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
    instances: list[Instance]
    environment_files: list[str]
    credentials: list[Credential]
    limits: Limits
    health: HealthCheck
    lifecycle: Lifecycle
    dependencies: Dependencies
    sandbox: Sandbox
    apparmor_mode: str
    apparmor_rules: list[str]

    @property
    def profile(self) -> str:
        """The name of its AppArmor profile.

        The prefix avoids names of the distribution.
        """
        return f"gofleet.{self.name}"

    @property
    def installed(self) -> str:
        """The path of a program that is already on the host, or an empty string for a release."""
        return self.artefact.get("installed") or ""


class AbsentService(t.NamedTuple):
    """A service that is to be absent.

    purge: whether to remove what it has written
    """

    name: str
    purge: bool


class Services(t.NamedTuple):
    """The services of the list.

    Each present service comes after its dependencies.
    """

    present: list[Service]
    absent: list[AbsentService]


def parse_services(items: list[dict[str, t.Any]]) -> Services:
    """Return the services that the user described.

    :param items: the role's ``go_service_services``, with types checked by the role's argument_specs
    :raises HostError: a service that cannot work, or two that conflict
    """
    _refuse_repeated([str(item["name"]) for item in items])
    absent = [item for item in items if item.get("state") == "absent"]
    services = {str(item["name"]): _read(item) for item in items if item.get("state") != "absent"}
    refuse_conflicts(
        (service.name, listener)
        for service in services.values()
        for instance in service.instances
        for listener in instance.listeners
    )
    order = start_order({name: service.dependencies for name, service in services.items()})
    return Services(
        present=[services[name] for name in order],
        absent=[AbsentService(str(item["name"]), bool(item.get("purge", False))) for item in absent],
    )


def _read(item: dict[str, t.Any]) -> Service:
    name = str(item["name"])
    apparmor = item.get("apparmor") or {}
    instances = parse_instances(item)
    service = Service(
        name=name,
        description=item.get("description") or f"Go service {name}",
        version=str(item.get("version") or ""),
        artefact=item.get("artefact") or {},
        config_files=list(item.get("config_files") or []),
        instances=instances,
        environment_files=[str(path) for path in item.get("environment_files") or []],
        credentials=parse_credentials(item.get("credentials") or [], service=name),
        limits=parse_limits(item.get("limits") or {}, service=name),
        health=parse_health(item.get("health"), listeners=instances[0].listeners, service=name),
        lifecycle=parse_lifecycle(item, service=name),
        dependencies=parse_dependencies(item),
        sandbox=parse_sandbox(item.get("sandbox") or {}, service=name),
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
                wanted="a name of at most 48 lower-case letters, digits, - and _ that starts with a letter",
                found=repr(name),
                remedy="Rename it. Units, users, directories and the AppArmor profile have this name.",
            )
        if names.count(name) > 1:
            raise HostError(
                f"service {name}",
                wanted="one entry for each name in go_service_services",
                found="two entries with this name",
                remedy="Rename or remove one of them.",
            )


def _refuse_artefact(service: Service) -> None:
    given = [source for source in _SOURCES if service.artefact.get(source)]
    if len(given) != 1:
        raise HostError(
            f"service {service.name}",
            wanted="an artefact" if not given else "one artefact",
            found=" and ".join(given) or "none",
            remedy="Set `artefact.file` to a program on the controller, `artefact.build.directory` to its sources, "
            "or `artefact.installed` to a program that is already on the host.",
        )
    relative = [
        *(words[0] for words in service.lifecycle.hooks if words and not words[0].startswith("/")),
        *(path for path in service.environment_files if not path.startswith("/")),
        *(str(file["path"]) for file in service.config_files),
    ]
    if service.installed and (relative or not service.installed.startswith("/")):
        raise HostError(
            f"service {service.name}",
            wanted="only absolute paths, because an installed program has no release",
            found=", ".join(relative) or repr(service.installed),
            remedy="Use absolute paths, or set `artefact.file` instead of `artefact.installed`.",
        )


def _refuse_impossible(service: Service) -> None:
    subject = f"service {service.name}"
    for instance in service.instances:
        for variable in instance.environment:
            if not _VARIABLE.fullmatch(variable):
                raise HostError(
                    subject,
                    wanted="names of variables with letters, digits and _",
                    found=repr(variable),
                    remedy="Correct `environment`.",
                )
        if service.lifecycle.timer and instance.listeners:
            raise HostError(
                subject,
                wanted="either sockets or a timer",
                found="both",
                remedy="Omit one of them, or use two services.",
            )
        for listener in instance.listeners:
            _refuse_low_port(service, listener)


def _refuse_low_port(service: Service, listener: Listener) -> None:
    low = 0 < listener.port < _FIRST_UNPRIVILEGED_PORT and not listener.unit
    if low and _BIND_LOW_PORTS not in service.sandbox.capabilities:
        raise HostError(
            f"service {service.name}",
            wanted=f"{_BIND_LOW_PORTS} for port {listener.port}, which the service binds itself (`socket: false`)",
            found=f"capabilities {service.sandbox.capabilities}",
            remedy=f"Let systemd own the port (`socket: true`), or add {_BIND_LOW_PORTS} to `sandbox.capabilities`.",
        )
