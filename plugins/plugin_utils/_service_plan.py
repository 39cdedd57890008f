# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""From descriptions of services to what the modules take: one description, three lists."""

from __future__ import annotations

import typing as t

from ._service import Service, read_services
from ._service_profile import apparmor_profile
from ._service_unit import service_unit, socket_unit

__all__ = ["service_plan"]

Items = t.List[t.Dict[str, t.Any]]


def service_plan(items: Items, *, root: str, versions: dict[str, t.Any]) -> dict[str, Items]:
    """
    :param root: directory of the release stores
    :param versions: name of the service -> the version it must run, or what ``release`` returned for it
    :raises HostError: see :func:`read_services`
    """
    services = read_services(items)
    units: Items = []
    for service in services:
        units += _units(service, root=root, version=_version(versions.get(service.name)))
    return {
        "releases": [_release(service) for service in services],
        "profiles": [
            {
                "name": service.profile,
                "content": apparmor_profile(service, store=f"{root}/{service.name}"),
                "mode": service.apparmor_mode,
            }
            for service in services
        ],
        "units": units,
    }


def _version(value: t.Any) -> str:
    return value["version"] if isinstance(value, dict) else str(value or "")


def _release(service: Service) -> dict[str, t.Any]:
    return {"name": service.name, "version": service.version, **service.artefact}


def _units(service: Service, *, root: str, version: str) -> Items:
    store = f"{root}/{service.name}"
    unit: dict[str, t.Any] = {
        "name": f"{service.name}.service",
        "content": service_unit(service, executable=f"{store}/current/{service.name}"),
        "state": "started",
        "enabled": True,
        "release": {"path": store, "version": version},
        "exposure_max": service.exposure_max,
    }
    if service.health_url:
        unit["health"] = {"url": service.health_url, "timeout": service.health_timeout}
    if not service.socket:
        return [unit]
    socket = {
        "name": f"{service.name}.socket",
        "content": socket_unit(service),
        "state": "started",
        "enabled": True,
    }
    return [socket, unit]
