# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Derive scrape targets from the inventory."""

from __future__ import annotations

import typing as t

__all__ = ["address_of", "scrape_targets"]

Group = t.Dict[str, t.Any]


def scrape_targets(
    hosts: t.Iterable[str],
    hostvars: t.Mapping[str, t.Mapping[str, t.Any]],
    *,
    address_var: str,
    node_exporter_port: int | None,
) -> list[Group]:
    """Return one target group for each host and job, for the node exporter and each service with metrics.

    :param address_var: name of the variable with the address of a host
    :param node_exporter_port: None or 0 for no job of the node exporter
    :returns: dictionaries with ``job``, ``targets`` and ``labels``, sorted by job
    """
    groups: list[Group] = []
    for host in hosts:
        variables = hostvars[host]
        address = address_of(host, variables, address_var=address_var)
        if node_exporter_port:
            groups.append(
                {"job": "node", "targets": [f"{address}:{node_exporter_port}"], "labels": {"host": str(host)}}
            )
        for service in variables.get("go_service_services") or []:
            group = _service_group(service, host=host, address=address)
            if group is not None:
                groups.append(group)
    return sorted(groups, key=lambda group: group["job"])


def address_of(host: str, variables: t.Mapping[str, t.Any], *, address_var: str) -> str:
    """Return the address at which a host is scraped, with brackets around an IPv6 address."""
    address = str(variables.get(address_var) or variables.get("ansible_host") or host)
    return f"[{address}]" if ":" in address and not address.startswith("[") else address


def _service_group(service: t.Mapping[str, t.Any], *, host: str, address: str) -> Group | None:
    metrics = service.get("metrics", True)
    name = service.get("name")
    ports = _ports(service, metrics)
    if not metrics or not ports or not name or service.get("state") == "absent":
        return None
    labels = {"host": str(host), "service": str(name)}
    path = metrics.get("path") if isinstance(metrics, t.Mapping) else None
    if path and path != "/metrics":
        labels["__metrics_path__"] = str(path)
    return {"job": str(name), "targets": [f"{address}:{port}" for port in ports], "labels": labels}


def _ports(service: t.Mapping[str, t.Any], metrics: t.Any) -> list[t.Any]:
    """Return the ports with the metrics of a service.

    That is the port of ``metrics``, else of the socket ``metrics``, else the main port, else the port of each
    instance.
    """
    own = metrics.get("port") if isinstance(metrics, t.Mapping) else None
    sockets = [socket for socket in service.get("sockets") or [] if socket.get("name") == "metrics"]
    named = [str(socket["listen"]).rpartition(":")[2] for socket in sockets]
    first = own or next((port for port in named if port.isdecimal()), None) or service.get("port")
    instances = [instance.get("port") for instance in service.get("instances") or []]
    return [first] if first else [port for port in instances if port]
