# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: go_service_plan
short_description: Turn descriptions of Go services into options of the modules
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Checks the whole list first, for example for two services on one port, and fails before any host is changed.
  - Then returns the release, the AppArmor profile and the units of each service.
options:
  _input:
    description: The services, as C(go_service_services) of the role P(gofleet.hosts.go_service#role) describes them.
    type: list
    elements: dict
    required: true
  root:
    description: Directory of the release stores.
    type: path
    required: true
  versions:
    description:
      - What M(gofleet.hosts.release) returned for each service, by name of the service. Units need the version, and profiles need the
        properties of the program.
    type: dict
    default: {}
"""

EXAMPLES = r"""
---
- name: Show the units that would be written
  ansible.builtin.debug:
    msg: "{{ (services | gofleet.hosts.go_service_plan(root='/opt/gofleet')).units }}"
  vars:
    services:
      - name: hello
        port: 8080
        artefact:
          file: dist/hello
"""

RETURN = r"""
_value:
  description: Lists with options of the modules.
  type: dict
  contains:
    releases:
      description: For M(gofleet.hosts.release).
      type: list
      elements: dict
    profiles:
      description: For M(gofleet.hosts.apparmor_profiles).
      type: list
      elements: dict
    old_profiles:
      description: For M(gofleet.hosts.apparmor_profiles), the profiles of absent services. Use them after their processes have ended.
      type: list
      elements: dict
    units:
      description: For M(gofleet.hosts.systemd_units).
      type: list
      elements: dict
    sets:
      description: For M(gofleet.hosts.systemd_units), one set for each service, with its credentials. The set of an absent service has no
        units.
      type: list
      elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._errors import HostError
from ..plugin_utils._service.plan import service_plan


def go_service_plan(
    services: list[dict[str, t.Any]], root: str, versions: dict[str, t.Any] | None = None
) -> dict[str, list[dict[str, t.Any]]]:
    """Return the plan. An error in the descriptions becomes an error of the template."""
    try:
        return service_plan(services, root=root, versions=versions or {})
    except HostError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Provide the filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"go_service_plan": go_service_plan}
