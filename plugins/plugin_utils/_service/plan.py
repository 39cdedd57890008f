# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Turn the descriptions of services into the options of the modules."""

from __future__ import annotations

import typing as t

from .apparmor import apparmor_profile
from .credentials import stored_credentials
from .health import health_check
from .instances import Instance
from .program import parse_program
from .service import AbsentService, Service, parse_services
from .units import ProgramPath, service_unit, socket_unit, timer_unit

__all__ = ["service_plan"]

Items = t.List[t.Dict[str, t.Any]]

# Settings that systemd may ignore when it does not know them.
_OPTIONAL = ["FileDescriptorStorePreserve"]  # since systemd 254


def service_plan(items: Items, *, root: str, versions: dict[str, t.Any]) -> dict[str, Items]:
    """Return the options for ``release``, ``apparmor_profiles`` and ``systemd_units``.

    :param items: the role's ``go_service_services``
    :param root: directory of the release stores
    :param versions: name of the service -> the version it must run, or what ``release`` returned for it
    :returns: the lists ``releases``, ``profiles``, ``old_profiles``, ``units`` and ``sets``
    :raises HostError: see :func:`parse_services`
    """
    services = parse_services(items)
    units = {service.name: [instance.unit for instance in service.instances] for service in services.present}
    return {
        "releases": [_release(service) for service in services.present if not service.installed],
        "profiles": [
            _profile(service, root=root, reported=versions.get(service.name)) for service in services.present
        ],
        "old_profiles": [{"name": f"gofleet.{absent.name}", "state": "absent"} for absent in services.absent],
        "units": [
            unit
            for service in services.present
            for instance in service.instances
            for unit in _units(service, instance, root=root, reported=versions.get(service.name), known=units)
        ],
        "sets": [
            *(_set(service) for service in services.present),
            *(_absent_set(absent, root=root) for absent in services.absent),
        ],
    }


def _store(name: str, *, root: str) -> str:
    return f"{root}/{name}"


def _place(service: Service, *, root: str) -> ProgramPath:
    if service.installed:
        return ProgramPath(service.installed, "")
    release = f"{_store(service.name, root=root)}/current"
    return ProgramPath(f"{release}/{service.name}", release)


def _release(service: Service) -> dict[str, t.Any]:
    item = {"name": service.name, "version": service.version, **service.artefact}
    item.pop("installed", None)
    return {**item, "files": service.config_files} if service.config_files else item


def _profile(service: Service, *, root: str, reported: t.Any) -> dict[str, t.Any]:
    content = apparmor_profile(
        service, store=_store(service.name, root=root), program=parse_program(reported)
    )
    return {
        "name": service.profile,
        "content": content,
        "mode": service.apparmor_mode,
    }


def _set(service: Service) -> dict[str, t.Any]:
    return {
        "name": service.name,
        "state": "present",
        "credentials": stored_credentials(service.credentials),
    }


def _absent_set(absent: AbsentService, *, root: str) -> dict[str, t.Any]:
    return {
        "name": absent.name,
        "state": "absent",
        "store": _store(absent.name, root=root),
        "purge": absent.purge,
    }


def _units(
    service: Service, instance: Instance, *, root: str, reported: t.Any, known: dict[str, list[str]]
) -> Items:
    """Return the units of one process, which are its sockets or timer and its service."""
    running = {"set": service.name, "state": "started", "enabled": True}
    units: Items = [
        {"name": listener.unit, "content": socket_unit(service, instance, listener), **running}
        for listener in instance.sockets
    ]
    unit: dict[str, t.Any] = {
        "name": instance.unit,
        "set": service.name,
        "content": service_unit(
            service,
            instance,
            place=_place(service, root=root),
            program=parse_program(reported),
            units_of=lambda name: known.get(name, [name]),
        ),
        "exposure_max": service.sandbox.exposure_max,
        "optional": _OPTIONAL if service.lifecycle.fd_store else [],
    }
    if not service.installed:
        unit["release"] = {
            "path": _store(service.name, root=root),
            "version": parse_program(reported).version,
        }
    if service.lifecycle.timer:
        timer = timer_unit(service, instance, service.lifecycle.timer)
        return [unit, {"name": f"{instance.unit_stem}.timer", "content": timer, **running}]
    health = health_check(service.health, instance.listeners)
    if health:
        unit["health"] = health
    return [*units, {**unit, **running}]
