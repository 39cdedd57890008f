#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: systemd_units
short_description: Put a set of units, their releases and their processes into one state, or leave the host as it was
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Manages units and drop-ins, the release that each service runs, and whether they run and start at boot, as one transaction.
  - Files that differ are verified by C(systemd-analyze verify) before any of them is written. A line of it about one of them,
    an unknown key included, is an error, in check mode too. Lines about other units of the host are not.
  - What is to be done is told by state. A service is restarted when its unit file or a drop-in differs, when systemd has not read
    them, when another release is current, when its process runs another release or a deleted file, when its process is outside
    the AppArmor profile that the unit names, and when an earlier run was cut short before the restart.
  - A socket is never restarted for a change of its service, so connections wait in the kernel meanwhile. A changed socket unit is
    restarted between a stop and a start of its service, and both are in RV(restarted).
  - A service that does not start, does not stay up or does not become healthy is put back. Old files, the old release, the old
    enablement and the old process return, and the error holds the last lines of the journal.
  - What belongs to a set of units can be told as a whole. Its secrets come with it, and what is not listed any more goes.
  - An unchanged run is one C(systemctl show) and the reading of files.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
  - gofleet.hosts._attributes.controller
options:
  units:
    description: The units and drop-ins to manage. What is not listed is left alone.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of a unit, such as V(hello.service), or of a drop-in, such as V(hello.service.d/10-limits.conf).
        type: str
        required: true
      content:
        description:
          - The file as text. The module adds a first line by which it knows its own files.
          - Without it the unit is one that the host has already, or a file that a drop-in extends.
        type: str
      state:
        description:
          - V(started) starts what does not run.
          - V(stopped) stops what runs. A socket or timer that is left running can start its service again.
          - V(absent) stops and disables the unit and removes its file from O(path). Units of packages in other directories stay.
          - Without it, what runs keeps running, with a restart when it is stale, and what does not run is not started.
        type: str
        choices: [started, stopped, absent]
      enabled:
        description: Whether the unit starts at boot. Without it this is left as it is.
        type: bool
      adopt:
        description:
          - Take over a file of this name in O(path) that lacks the module's first line, or that is a link.
          - Without it such a file makes the module fail.
        type: bool
        default: false
      release:
        description: The release that this service runs. It is switched in the same transaction.
        type: dict
        suboptions:
          path:
            description: The release store, the directory that holds C(current). The service's C(ExecStart) goes through that link.
            type: path
            required: true
          version:
            description: The version that has to be C(current). It has to be complete in the store when the switch is made.
            type: str
            required: true
      health:
        description: A question that the service has to answer after a start or restart. It is not asked in a run that starts nothing.
        type: dict
        suboptions:
          url:
            description: A plain C(http://) URL as seen from the host itself.
            type: str
            required: true
          unix_socket:
            description: Path of a Unix socket on which to ask instead of the host and port of the URL.
            type: path
          status:
            description: The HTTP status that means healthy.
            type: int
            default: 200
          timeout:
            description: How long to keep asking, in seconds.
            type: float
            default: 30
          warm_up:
            description:
              - Paths to ask before, in this order, over the same address. Each has to be answered with a status below 500.
                All of it together has to be done within the timeout.
            type: list
            elements: str
            default: []
      exposure_max:
        description:
          - The highest exposure that C(systemd-analyze security) may give to this service, from 0.0 (tight) to 10.0 (open).
            It is computed from the text, before the file is written.
          - Needs systemd 250. An older one gets a warning and no check.
        type: float
      set:
        description: Name of the set that this unit or drop-in belongs to, one of O(sets) where it is to be listed whole.
        type: str
      optional:
        description:
          - Settings in the content that may be left out by a systemd which does not know them, for example
            V(FileDescriptorStorePreserve). Other unknown settings are errors.
        type: list
        elements: str
        default: []
  sets:
    description:
      - Sets that are listed whole. Units and drop-ins in O(path) that carry the name of such a set in their first line and are not
        in O(units) are stopped, disabled and removed, and so are credentials that are not listed.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the set.
        type: str
        required: true
      state:
        description: V(absent) removes all units and credentials of the set. None of it can be listed then.
        type: str
        choices: [present, absent]
        default: present
      credentials:
        description:
          - Secrets of the services of this set, in files that root alone can read, in C(/etc/gofleet/credentials/<set>/<name>).
            A unit hands one to its service by C(LoadCredential=<name>:<path>).
          - Each service of the set that runs is restarted when one of them differs. If it does not serve then, the old ones return.
          - They are shown nowhere, and the difference tells only which of them differ.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Name of the file and of the credential.
            type: str
            required: true
          content:
            description: The secret as text. One of O(sets[].credentials[].content) and O(sets[].credentials[].src) is needed.
            type: str
          src:
            description: A file on the controller, which a vault may keep. Relative paths start at the playbook.
            type: path
          data:
            description: The secret in Base64. Filled in by the controller's half of this module.
            type: str
      store:
        description: The release store that goes with a set that is to be absent, once nothing runs from it.
        type: path
      purge:
        description:
          - Whether what the services of a set that is to be absent have written goes too. That is C(StateDirectory), C(CacheDirectory) and
            C(LogsDirectory) of the set's name, as services with C(DynamicUser) have them. A directory that none of those ever had stays.
        type: bool
        default: false
  path:
    description: The directory of the unit files. It has to be one that systemd reads.
    type: path
    default: /etc/systemd/system
  start_timeout:
    description:
      - How long one start, stop or restart may take, in seconds. The unit's own timeouts apply as well, 90 seconds if it sets none.
    type: float
    default: 120
seealso:
  - module: gofleet.hosts.apparmor_profiles
  - module: gofleet.hosts.release
"""

EXAMPLES = r"""
- name: Run release 1.4.0 of hello behind a socket
  gofleet.hosts.systemd_units:
    units:
      - name: hello.socket
        state: started
        enabled: true
        content: |
          [Socket]
          ListenStream=8080

          [Install]
          WantedBy=sockets.target
      - name: hello.service
        state: started
        exposure_max: 1.5
        release:
          path: /opt/gofleet/hello
          version: 1.4.0
        health:
          url: http://127.0.0.1:8080/healthz
        content: |
          [Unit]
          Requires=hello.socket

          [Service]
          Type=notify
          ExecStart=/opt/gofleet/hello/current/hello
          DynamicUser=yes

- name: Limit the memory of a service that a package brought
  gofleet.hosts.systemd_units:
    units:
      - name: prometheus.service
        state: started
      - name: prometheus.service.d/10-memory.conf
        content: |
          [Service]
          MemoryMax=2G

- name: Hand a secret to hello, and remove units of it that are not listed here
  gofleet.hosts.systemd_units:
    sets:
      - name: hello
        credentials:
          - name: token
            content: "{{ vaulted_token }}"
    units:
      - name: hello.service
        set: hello
        state: started
        content: |
          [Service]
          ExecStart=/opt/gofleet/hello/current/hello
          DynamicUser=yes
          LoadCredential=token:/etc/gofleet/credentials/hello/token

- name: Remove hello with its credentials and releases, and what it has written
  gofleet.hosts.systemd_units:
    units: []
    sets:
      - name: hello
        state: absent
        store: /opt/gofleet/hello
        purge: true

- name: Remove a unit
  gofleet.hosts.systemd_units:
    units:
      - name: hello.service
        state: absent
"""

RETURN = r"""
restarted:
  description: Units that ran and were restarted, or would be in check mode, in this order.
  returned: success
  type: list
  elements: str
  sample: [hello.service]
started:
  description: Units that did not run and were started, or would be in check mode, in this order.
  returned: success
  type: list
  elements: str
  sample: [hello.socket]
exposure:
  description:
    - Exposure of each service whose file differed, from 0.0 to 10.0.
    - Empty without O(units[].exposure_max), and in a run in which no file differs.
  returned: success
  type: dict
  sample: {hello.service: 1.3}
active:
  description: State of each listed unit as systemd names it, after the run. In check mode, as found.
  returned: success
  type: dict
  sample: {hello.socket: active, hello.service: active}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._converge import converge
from ..module_utils._errors import HostError
from ..module_utils._run import host_runner
from ..module_utils._units.plan import plan_units
from ..module_utils._units.sets import units_spec


def main() -> None:
    module = AnsibleModule(argument_spec=units_spec(), supports_check_mode=True)
    try:
        converge(module, plan_units(module.params, run=host_runner(module), warn=module.warn))
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
