# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: scrape_targets
short_description: Derive scrape targets from the inventory
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Returns a list for O(gofleet.hosts.scrape_targets#module:targets). It has a job C(node) with every host, and one job for each
    service in the variable C(go_service_services) of a host.
  - A service is scraped at C(metrics.port), else at its socket C(metrics), else at its C(port) or the port of each instance. A service
    without these ports, with C(metrics) false or with C(state) absent is omitted.
  - Each group has the label C(host) with the name in the inventory. Groups of services also have the label C(service).
positional: _input, hostvars
options:
  _input:
    description: Names of hosts, such as V(groups['go_hosts']).
    type: list
    elements: str
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
  address_var:
    description:
      - Name of the variable with the address of a host. A host without it is scraped at its C(ansible_host), else at its name.
    type: str
    default: gofleet_address
  node_exporter_port:
    description: The port of the node exporter. V(0) omits the job C(node).
    type: int
    default: 9100
seealso:
  - plugin: gofleet.hosts.scrape_targets
    plugin_type: module
"""

EXAMPLES = r"""
- name: Scrape all hosts of a group
  gofleet.hosts.scrape_targets:
    targets: "{{ groups['go_hosts'] | gofleet.hosts.scrape_targets(hostvars) }}"

- name: Scrape only the services over a private network
  gofleet.hosts.scrape_targets:
    targets: "{{ groups['go_hosts'] | gofleet.hosts.scrape_targets(hostvars, address_var='private_ip', node_exporter_port=0) }}"
"""

RETURN = r"""
_value:
  description: The targets.
  type: list
  elements: dict
  sample:
    - job: node
      targets: ["10.0.0.11:9100"]
      labels: {host: web1}
    - job: hello
      targets: ["10.0.0.11:8080"]
      labels: {host: web1, service: hello}
"""

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ..plugin_utils._scrape_targets import scrape_targets


def _filter(
    hosts: t.Any,
    hostvars: t.Any,
    *,
    address_var: str = "gofleet_address",
    node_exporter_port: int | None = 9100,
) -> list[dict[str, t.Any]]:
    if isinstance(hosts, (str, Mapping)) or not isinstance(hostvars, Mapping):
        raise AnsibleFilterError(
            "gofleet.hosts.scrape_targets: wanted a list of host names and hostvars; found "
            f"{type(hosts).__name__} and {type(hostvars).__name__}. "
            "Use groups['go_hosts'] | gofleet.hosts.scrape_targets(hostvars)."
        )
    missing = [host for host in hosts if host not in hostvars]
    if missing:
        raise AnsibleFilterError(
            f"gofleet.hosts.scrape_targets: wanted hosts of this inventory; found {missing[0]!r}. "
            "Correct the name or the inventory."
        )
    return scrape_targets(hosts, hostvars, address_var=address_var, node_exporter_port=node_exporter_port)


class FilterModule:
    """Provide the filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"scrape_targets": _filter}
