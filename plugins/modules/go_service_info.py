#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: go_service_info
short_description: Read the services of a host, so that they can be restored
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Reads units, AppArmor profiles and release stores, and the programs that the processes run.
  - RV(units) and RV(profiles) are options of M(gofleet.hosts.systemd_units) and M(gofleet.hosts.apparmor_profiles). With them,
    these modules restore the state of the host. Nothing must be transferred if the release is still in its store. The entry
    point C(rollback) of the role P(gofleet.hosts.go_service#role) does this.
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
    description: Names of release stores in O(root).
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
- name: Read the state of hello
  gofleet.hosts.go_service_info:
    units: [hello.socket, hello.service]
    releases: [hello]
    profiles: [gofleet.hello]
  register: before

- name: Restore the units
  gofleet.hosts.systemd_units:
    units: "{{ before.units }}"
"""

RETURN = r"""
units:
  description:
    - Each unit as an entry of O(gofleet.hosts.systemd_units#module:units).
    - C(state) is V(absent) if there is no file in O(unit_path). C(content) is missing if M(gofleet.hosts.systemd_units) did not
      write the file. Such a file is not restored.
    - C(release) is set if the service starts a program through the link C(current) of a release store.
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
  description: Each profile as an entry of O(gofleet.hosts.apparmor_profiles#module:profiles). Empty if the kernel has no AppArmor.
  returned: success
  type: list
  elements: dict
  sample: [{name: gofleet.hello, content: "profile gofleet.hello {}\n", mode: enforce}]
restarts:
  description: How often systemd has restarted each service automatically. A restart by hand does not reset the number.
  returned: success
  type: dict
  sample: {hello.service: 0}
releases:
  description: The release stores, by name.
  returned: success
  type: dict
  contains:
    version:
      description: The version in use. V(null) if there is none.
      type: str
      sample: 9f2b6a1c0d3e
    previous:
      description: The version that was in use before. V(null) if there is none.
      type: str
      sample: 1c0d3e9f2b6a
    path:
      description: The path of the store, with links resolved.
      type: str
      sample: /opt/gofleet/hello
    running:
      description:
        - The version that the main process of each service runs, by name of the service.
        - V(null) if there is no process, or if it runs a program from elsewhere.
      type: dict
      sample: {hello.service: 9f2b6a1c0d3e}
    programs:
      description:
        - The file that the main process of each service runs, by name of the service.
        - V(null) if there is no process.
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
