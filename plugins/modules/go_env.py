#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: go_env
short_description: Settings of the go command, for a machine and for its users
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Sets what C(go env) shows, for all users of a machine and for single ones, and tells of each setting which file it comes from.
  - The go command takes a setting from its environment, else from the file of the user (C(~/.config/go/env), where C(go env -w) writes),
    else from C(go.env) in the tree of its release, else its default.
  - Nothing in the tree of a release is changed. What is set in its C(go.env) would be gone with the next release, and the tree would no
    longer be the one that was published.
  - The settings stand between two marks. All other lines of a file stay, other than one that sets the same name, which is taken over.
  - Names and values are checked before anything is written. A refusal changes nothing, in check mode too.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
options:
  machine:
    description:
      - Settings for every user, in O(machine_file). V({}) takes ours away. If not given, the file is only read.
      - They are variables of the environment, so they come before those of a user. C(go env -w) cannot change them, C(export) can.
      - Passwords are refused, as everybody can read the file.
      - C(GODEBUG) is for every program of Go that a session starts. Its keys are those that the release at O(goroot) knows.
    type: dict
  machine_file:
    description:
      - The file that C(pam_env) reads for each session, by SSH, C(su), C(sudo), C(cron) and at a console.
      - Units of systemd do not read it unless they say C(EnvironmentFile=-/etc/environment).
      - Sessions that are open keep what they have, and so do new ones over an SSH connection that was opened before (C(ControlPersist)).
    type: path
    default: /etc/environment
  users:
    description: Users with settings of their own. Those that are not listed are left alone.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the user. The file is read and written with this user's rights.
        type: str
        required: true
      settings:
        description: The settings. V({}) takes ours away.
        type: dict
        default: {}
      secret_settings:
        description:
          - Settings with a password in them, such as C(GOPROXY) with a user in its URL. They are not shown, and nobody else may read the
            file. A password is better kept in C(.netrc), where the go command looks for it.
        type: dict
        default: {}
  goroot:
    description: The tree of the release whose C(go.env) is read to tell where settings come from, and whose sources tell the keys of C(GODEBUG).
    type: path
    default: /usr/local/lib/go/current
"""

EXAMPLES = r"""
- name: Have all users fetch modules from our proxy, and the user ci build without symbols of paths
  gofleet.hosts.go_env:
    machine:
      GOPROXY: https://goproxy.example.org|direct
      GOPRIVATE: "*.corp.example.org"
      GOTOOLCHAIN: local
    users:
      - name: ci
        settings:
          GOFLAGS: -trimpath -buildvcs=false
          CGO_ENABLED: 0

- name: Take away what was set
  gofleet.hosts.go_env:
    machine: {}
    users:
      - name: ci
"""

RETURN = r"""
effective:
  description:
    - For each user of O(users), or the one that the module runs as, the settings that a file gives after this run. A setting that is
      not here has its default, unless a process has it in its own environment.
    - C(source) is V(machine), V(user) or V(release) (C(go.env) of the release). C(hides) has the same setting where it does not count.
  returned: success
  type: dict
  sample:
    ci:
      GOPROXY:
        value: https://goproxy.example.org|direct
        source: machine
        path: /etc/environment
        line: 2
        hides:
          - {source: release, path: /usr/local/lib/go/current/go.env, line: 7, value: "https://proxy.example.com,direct"}
differs:
  description: Whether the host was, or in check mode is, unlike what was asked for.
  returned: success
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._converge import converge
from ..module_utils._errors import HostError
from ..module_utils._go_command.env import plan_go_env

USER = {
    "name": {"type": "str", "required": True},
    "settings": {"type": "dict", "default": {}},
    "secret_settings": {"type": "dict", "default": {}, "no_log": True},
}
SPEC = {
    "machine": {"type": "dict"},
    "machine_file": {"type": "path", "default": "/etc/environment"},
    "users": {"type": "list", "elements": "dict", "options": USER, "default": []},
    "goroot": {"type": "path", "default": "/usr/local/lib/go/current"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        converge(module, plan_go_env(module.params))
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
