# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""From descriptions of services to what the modules take: one description, several lists."""

from __future__ import annotations

import typing as t

from .apparmor import apparmor_profile
from .credentials import kept_credentials
from .health import health_question
from .instances import Member
from .program import read_program
from .service import Gone, Service, read_services
from .units import Place, service_unit, socket_unit, timer_unit

__all__ = ["service_plan"]

Items = t.List[t.Dict[str, t.Any]]

# Settings that a systemd which does not know them may leave out.
_OPTIONAL = ["FileDescriptorStorePreserve"]  # 254


def service_plan(items: Items, *, root: str, versions: dict[str, t.Any]) -> dict[str, Items]:
    """
    :param root: directory of the release stores
    :param versions: name of the service -> the version it must run, or what ``release`` returned for it
    :raises HostError: see :func:`read_services`
    """
    services = read_services(items)
    units = {service.name: [member.unit for member in service.members] for service in services.present}
    return {
        "releases": [_release(service) for service in services.present if not service.installed],
        "profiles": [
            _profile(service, root=root, told=versions.get(service.name)) for service in services.present
        ],
        "old_profiles": [{"name": f"gofleet.{gone.name}", "state": "absent"} for gone in services.absent],
        "units": [
            unit
            for service in services.present
            for member in service.members
            for unit in _units(service, member, root=root, told=versions.get(service.name), known=units)
        ],
        "sets": [
            *(_set(service) for service in services.present),
            *(_gone(gone, root=root) for gone in services.absent),
        ],
    }


def _store(name: str, *, root: str) -> str:
    return f"{root}/{name}"


def _place(service: Service, *, root: str) -> Place:
    if service.installed:
        return Place(service.installed, "")
    release = f"{_store(service.name, root=root)}/current"
    return Place(f"{release}/{service.name}", release)


def _release(service: Service) -> dict[str, t.Any]:
    item = {"name": service.name, "version": service.version, **service.artefact}
    item.pop("installed", None)
    return {**item, "files": service.config_files} if service.config_files else item


def _profile(service: Service, *, root: str, told: t.Any) -> dict[str, t.Any]:
    content = apparmor_profile(service, store=_store(service.name, root=root), program=read_program(told))
    return {
        "name": service.profile,
        "content": content,
        "mode": service.apparmor_mode,
    }


def _set(service: Service) -> dict[str, t.Any]:
    return {
        "name": service.name,
        "state": "present",
        "credentials": kept_credentials(service.credentials),
    }


def _gone(gone: Gone, *, root: str) -> dict[str, t.Any]:
    return {
        "name": gone.name,
        "state": "absent",
        "store": _store(gone.name, root=root),
        "purge": gone.purge,
    }


def _units(service: Service, member: Member, *, root: str, told: t.Any, known: dict[str, list[str]]) -> Items:
    """The units of one process: those that start it, then its own."""
    running = {"set": service.name, "state": "started", "enabled": True}
    units: Items = [
        {"name": listener.unit, "content": socket_unit(service, member, listener), **running}
        for listener in member.sockets
    ]
    unit: dict[str, t.Any] = {
        "name": member.unit,
        "set": service.name,
        "content": service_unit(
            service,
            member,
            place=_place(service, root=root),
            program=read_program(told),
            units_of=lambda name: known.get(name, [name]),
        ),
        "exposure_max": service.sandbox.exposure_max,
        "optional": _OPTIONAL if service.life.fd_store else [],
    }
    if not service.installed:
        unit["release"] = {
            "path": _store(service.name, root=root),
            "version": read_program(told).version,
        }
    if service.life.timer:
        timer = timer_unit(service, member, service.life.timer)
        return [unit, {"name": f"{member.stem}.timer", "content": timer, **running}]
    question = health_question(service.health, member.listeners)
    if question:
        unit["health"] = question
    return [*units, {**unit, **running}]
