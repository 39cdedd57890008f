# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_gates
short_description: Create the conditions by which a rollout judges a host
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Returns a list for O(gofleet.hosts.metrics_gate#module:conditions). Each service has to be active, to answer its health check, to run
    the program that was found in use, and not to have restarted. The gates of the user are added.
options:
  _input:
    description: The descriptions of the services.
    type: list
    elements: dict
    required: true
  found:
    description: What M(gofleet.hosts.go_service_info) returned.
    type: dict
    required: true
  gates:
    description: Conditions of M(gofleet.hosts.metrics_gate). Each is for the service in its C(service), or without it for all services.
    type: list
    elements: dict
    default: []
  phase:
    description:
      - V(new) for a new version.
      - V(old) for the old version before the move. It has to be active and healthy, and is measured.
      - V(back) for the old version after it was put back. It has to be active and healthy.
    type: str
    choices: [new, old, back]
    default: new
"""

EXAMPLES = r"""
- name: Judge what runs now
  gofleet.hosts.metrics_gate:
    conditions: "{{ go_service_services | gofleet.hosts.rollout_gates(go_service_found) }}"
"""

RETURN = r"""
_value:
  description: The conditions.
  type: list
  elements: dict
  sample: [{name: hello.service active, unit: hello.service, property: ActiveState, equals: active}]
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._errors import HostError
from ..plugin_utils._service.gates import gate_conditions
from ..plugin_utils._service.plan import service_plan


def rollout_gates(
    services: list[dict[str, t.Any]],
    found: dict[str, t.Any],
    gates: t.Sequence[dict[str, t.Any]] = (),
    phase: str = "new",
) -> list[dict[str, t.Any]]:
    """Return the conditions; an error in the description becomes an error of the template."""
    try:
        # The names of the units and their health checks do not depend on the directory of the releases.
        units = service_plan(services, root="/", versions={})["units"]
    except HostError as error:
        raise AnsibleFilterError(str(error)) from error
    return gate_conditions(services, units, found, gates=gates, phase=phase)


class FilterModule:
    """Give Ansible the filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"rollout_gates": rollout_gates}
