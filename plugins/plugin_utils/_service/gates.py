# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Create the conditions that services are judged by: those for every service, and those of the user."""

from __future__ import annotations

import typing as t
import urllib.parse

from ...module_utils._systemd.text import is_drop_in, is_template, kind

__all__ = ["gate_conditions"]

Item = t.Dict[str, t.Any]
_COMPARING = ("max_ratio", "max_increase", "min_ratio")
_OWN_KEYS = ("service", "name")


def gate_conditions(
    services: t.Sequence[Item], units: t.Sequence[Item], found: Item, *, gates: t.Sequence[Item], phase: str
) -> list[Item]:
    """
    Return the conditions of metrics_gate for the services of a host.

    :param units: the units of the services with their health checks, as service_plan returns them
    :param found: what go_service_info returned for the host as it is now
    :param phase: old (before the move), new (after it), or back (after the host was put back)
    """
    started = {unit["name"] for unit in found["units"] if unit.get("state") == "started"}
    programs = {
        unit: program
        for release in found["releases"].values()
        for unit, program in release["programs"].items()
    }
    conditions: list[Item] = []
    for unit in units:
        name = unit["name"]
        if kind(name) != "service" or is_drop_in(name) or is_template(name) or name not in started:
            continue
        restarts = found.get("restarts", {}).get(name, 0)
        conditions += _of_unit(name, program=programs.get(name), restarts=restarts, phase=phase)
        if unit.get("health"):
            conditions.append(_health(name, unit["health"]))
    if phase != "back":
        conditions += _users(services, units, gates=gates, measure=phase == "old")
    return conditions


def _of_unit(name: str, *, program: str | None, restarts: int, phase: str) -> list[Item]:
    found: list[Item] = [
        {"name": f"{name} active", "unit": name, "property": "ActiveState", "equals": "active"}
    ]
    if phase != "old":
        # systemd does not count a restart by hand. So the count must stay as it was right after the switch.
        found.append({"name": f"{name} restarts", "unit": name, "max": restarts})
        if program:
            found.append(
                {"name": f"{name} version", "unit": name, "property": "Executable", "equals": program}
            )
    return found


def _health(name: str, health: t.Mapping[str, t.Any]) -> Item:
    condition: Item = {"name": f"{name} health", "kind": "status", "http": health["url"]}
    if health.get("unix_socket"):
        condition["unix_socket"] = health["unix_socket"]
    return {**condition, "equals": str(health.get("status") or 200)}


def _users(
    services: t.Sequence[Item], units: t.Sequence[Item], *, gates: t.Sequence[Item], measure: bool
) -> list[Item]:
    found: list[Item] = []
    for service in services:
        page = _page(service, units)
        for gate in gates:
            if gate.get("service") not in (None, "", service["name"]):
                continue
            condition = {
                key: value for key, value in gate.items() if key not in _OWN_KEYS and value is not None
            }
            condition["name"] = f"{service['name']} {gate['name']}"
            if measure and not any(key in condition for key in _COMPARING):
                continue
            if measure:
                condition = {**condition, "required": False}
                condition = {key: value for key, value in condition.items() if key not in ("min", "max")}
            if condition.get("metric") and not condition.get("url"):
                if page is None:
                    continue
                condition.update(page)
            found.append(condition)
    return found


def _page(service: Item, units: t.Sequence[Item]) -> Item | None:
    """Return where to read the metrics of a service on its host; None if it has no metrics."""
    metrics = service.get("metrics", True)
    if not metrics:
        return None
    own: t.Mapping[str, t.Any] = metrics if isinstance(metrics, dict) else {}
    path = own.get("path") or "/metrics"
    if own.get("port"):
        return {"url": f"http://127.0.0.1:{own['port']}{path}"}
    health = next(
        (u["health"] for u in units if u["name"] == f"{service['name']}.service" and u.get("health")), None
    )
    if health is not None:
        there = urllib.parse.urlsplit(health["url"])
        socket = {"unix_socket": health["unix_socket"]} if health.get("unix_socket") else {}
        return {"url": f"{there.scheme}://{there.netloc}{path}", **socket}
    return {"url": f"http://127.0.0.1:{service['port']}{path}"} if service.get("port") else None
