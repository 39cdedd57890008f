#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: go_service_info
short_description: Tell what a host has of services, so that it can be put back
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Reads units, AppArmor profiles and release stores, and what the processes really run.
  - RV(units) and RV(profiles) are what M(gofleet.hosts.systemd_units) and M(gofleet.hosts.apparmor_profiles) take to bring the host back to
    this state, without a transfer as long as the release is in its store. The role P(gofleet.hosts.go_service#role) does so in its entry
    point C(rollback).
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
options:
  units:
    description: Names of units and drop-ins.
    type: list
    elements: str
    required: true
  releases:
    description: Names of programs in the release stores.
    type: list
    elements: str
    default: []
  profiles:
    description: Names of AppArmor profiles.
    type: list
    elements: str
    default: []
  root:
    description: Directory of the release stores.
    type: path
    default: /opt/gofleet
  unit_path:
    description: Directory of the unit files.
    type: path
    default: /etc/systemd/system
  profile_path:
    description: Directory of the profiles.
    type: path
    default: /etc/apparmor.d
seealso:
  - module: gofleet.hosts.systemd_units
  - module: gofleet.hosts.apparmor_profiles
  - module: gofleet.hosts.release
"""

EXAMPLES = r"""
- name: Look at hello
  gofleet.hosts.go_service_info:
    units: [hello.socket, hello.service]
    releases: [hello]
    profiles: [gofleet.hello]
  register: before

- name: Put the units back as they were then
  gofleet.hosts.systemd_units:
    units: "{{ before.units }}"
"""

RETURN = r"""
units:
  description:
    - Each unit as an entry of O(gofleet.hosts.systemd_units#module:units). One that has no file in O(unit_path) is V(absent); a file that
      M(gofleet.hosts.systemd_units) did not write comes without its content, and is left alone.
    - A service that starts its program through C(current) of a release has that release.
  returned: success
  type: list
  elements: dict
  sample:
    - name: hello.service
      content: "[Service]\nExecStart=/opt/gofleet/hello/current/hello\n"
      state: started
      enabled: true
      release: {path: /opt/gofleet/hello, version: 9f2b6a1c0d3e}
profiles:
  description: Each profile as an entry of O(gofleet.hosts.apparmor_profiles#module:profiles). Empty where the kernel has no AppArmor.
  returned: success
  type: list
  elements: dict
  sample: [{name: gofleet.hello, content: "profile gofleet.hello {}\n", mode: enforce}]
restarts:
  description: How often systemd has restarted each service by itself. It does not begin anew when the service is restarted by hand.
  returned: success
  type: dict
  sample: {hello.service: 0}
releases:
  description: The release stores, by name of the program.
  returned: success
  type: dict
  contains:
    version:
      description: The version in use, or V(null).
      type: str
      sample: 9f2b6a1c0d3e
    previous:
      description: The one that was in use before, or V(null).
      type: str
      sample: 1c0d3e9f2b6a
    path:
      description: The store, links resolved.
      type: str
      sample: /opt/gofleet/hello
    running:
      description: By service, the version that its main process runs. V(null) where there is no process, or one from elsewhere.
      type: dict
      sample: {hello.service: 9f2b6a1c0d3e}
    programs:
      description: By service, the file that its main process runs. V(null) where there is no process.
      type: dict
      sample: {hello.service: /opt/gofleet/hello/9f2b6a1c0d3e/hello}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._errors import HostError
from ..module_utils._go_service_info import read_go_service_info
from ..module_utils._run import host_runner


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "str", "required": True},
            "releases": {"type": "list", "elements": "str", "default": []},
            "profiles": {"type": "list", "elements": "str", "default": []},
            "root": {"type": "path", "default": "/opt/gofleet"},
            "unit_path": {"type": "path", "default": "/etc/systemd/system"},
            "profile_path": {"type": "path", "default": "/etc/apparmor.d"},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(changed=False, **read_go_service_info(module.params, run=host_runner(module)))
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
