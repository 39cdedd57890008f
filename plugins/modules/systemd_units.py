#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: systemd_units
short_description: Manage systemd units, their releases and their processes as one transaction
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Manages units and drop-ins, the release that each service runs, and whether they run and start at boot, as one transaction.
  - Verifies files that differ with C(systemd-analyze verify) before it writes any of them, in check mode too. A message about one of
    them, including one about an unknown key, is an error. Messages about other units of the host are ignored.
  - Compares the state of the host with the wanted state. It restarts a service when its unit file or a drop-in differs, when systemd has
    not read them, when another release is current, when its process runs another release or a deleted file, when its process is outside
    the AppArmor profile of the unit, and when an earlier run was interrupted before the restart.
  - Never restarts a socket for a change of its service, so connections wait in the kernel during a restart. It restarts a changed socket
    unit between a stop and a start of its service. Both are in RV(restarted).
  - Rolls back when a service does not start, does not stay up or does not become healthy. The old files, release, enablement and process
    are restored, and the error has the last lines of the journal.
  - Can manage a set of units as a whole, with its credentials. Units and credentials that are no longer listed are removed.
  - An unchanged run needs one C(systemctl show) and reads files.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
  - gofleet.hosts._attributes.controller
options:
  units:
    description: The units and drop-ins to manage. Units that are not listed are left unchanged, except those of O(sets).
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
          - The file as text. The module adds a first line that marks its own files.
          - Omit it for a unit that is already on the host.
        type: str
      state:
        description:
          - V(started) starts a unit that does not run.
          - V(stopped) stops a unit that runs. A socket or timer that still runs can start its service again.
          - V(absent) stops and disables the unit and removes its file from O(path). Units of packages in other directories stay.
          - Without it, a running unit keeps running and is restarted when needed, and other units are not started.
        type: str
        choices: [started, stopped, absent]
      enabled:
        description: Whether the unit starts at boot. Left unchanged if omitted.
        type: bool
      adopt:
        description:
          - Replace a file of this name in O(path) that lacks the module's first line, or that is a link.
          - If V(false), the module fails on such a file.
        type: bool
        default: false
      release:
        description: The release that this service runs. The switch is part of the transaction.
        type: dict
        suboptions:
          path:
            description: The release store, which is the directory with the link C(current). C(ExecStart) of the service uses that link.
            type: path
            required: true
          version:
            description: The version that must be C(current). It must be complete in the store before this run.
            type: str
            required: true
      health:
        description: An HTTP health check that must succeed after a start or restart. A run that starts nothing does not check it.
        type: dict
        suboptions:
          url:
            description: A plain C(http://) URL as seen on the host.
            type: str
            required: true
          unix_socket:
            description: Path of a Unix socket to connect to instead of the host and port of the URL.
            type: path
          status:
            description: The HTTP status that means healthy.
            type: int
            default: 200
          timeout:
            description: How long to keep trying, in seconds.
            type: float
            default: 30
          warm_up:
            description:
              - Paths to request before the health check, in this order, at the same address. Each must answer with a status below 500.
                The timeout includes these requests.
            type: list
            elements: str
            default: []
      exposure_max:
        description:
          - The highest allowed exposure of this service in C(systemd-analyze security), from 0.0 (safest) to 10.0 (most exposed).
            It is computed from the text before the file is written.
          - Needs systemd 250 or later. Older versions give a warning and no check.
        type: float
      set:
        description: Name of the set that this unit or drop-in belongs to. List it in O(sets) to manage the set as a whole.
        type: str
      optional:
        description:
          - Settings in the content that systemd may ignore when it does not know them, for example V(FileDescriptorStorePreserve).
            Other unknown settings are errors.
        type: list
        elements: str
        default: []
  sets:
    description:
      - Sets of units to manage as a whole. Units and drop-ins in O(path) that have the name of such a set in their first line but are not
        in O(units) are stopped, disabled and removed. Credentials that are not listed are removed too.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the set.
        type: str
        required: true
      state:
        description: V(absent) removes all units and credentials of the set. Neither can be listed then.
        type: str
        choices: [present, absent]
        default: present
      credentials:
        description:
          - Secrets of the services of this set. They are stored in C(/etc/gofleet/credentials/<set>/<name>), which only root can read.
            A unit passes one to its service with C(LoadCredential=<name>:<path>).
          - When one of them differs, each running service of the set is restarted. If that fails, the old ones are restored.
          - Their contents are never shown. The diff shows only which of them differ.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Name of the file and of the credential.
            type: str
            required: true
          content:
            description: The secret as text. Set either O(sets[].credentials[].content) or O(sets[].credentials[].src).
            type: str
          src:
            description: A file on the controller, which can be encrypted with Ansible Vault. Relative paths start at the playbook.
            type: path
          data:
            description: The secret in Base64. The action plugin of this module fills it in.
            type: str
      store:
        description: The release store to remove with an absent set, after its services have stopped.
        type: path
      purge:
        description:
          - Whether to remove what the services of an absent set have written. That is C(StateDirectory), C(CacheDirectory) and
            C(LogsDirectory) with the name of the set, of services with C(DynamicUser). Other directories of that name stay.
        type: bool
        default: false
  path:
    description: The directory of the unit files. systemd must read it.
    type: path
    default: /etc/systemd/system
  start_timeout:
    description:
      - How long one start, stop or restart may take, in seconds. The timeouts of the unit apply too. Their default is 90 seconds.
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

- name: Limit the memory of a service of a package
  gofleet.hosts.systemd_units:
    units:
      - name: prometheus.service
        state: started
      - name: prometheus.service.d/10-memory.conf
        content: |
          [Service]
          MemoryMax=2G

- name: Pass a secret to hello, and remove its units that are not listed here
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

- name: Remove hello with its credentials, its releases and what it has written
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
  description: Running units that were restarted, in this order. In check mode, those that would be.
  returned: success
  type: list
  elements: str
  sample: [hello.service]
started:
  description: Units that were started, in this order. In check mode, those that would be.
  returned: success
  type: list
  elements: str
  sample: [hello.socket]
exposure:
  description:
    - Exposure of each service with O(units[].exposure_max) whose file differed, from 0.0 to 10.0.
    - Empty where no file differs.
  returned: success
  type: dict
  sample: {hello.service: 1.3}
active:
  description: C(ActiveState) of each listed unit after the run. In check mode, before it.
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
