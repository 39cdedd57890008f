#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: go_env
short_description: Manage settings of the go command, for a machine and for its users
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Sets the variables that C(go env) prints, for all users of a machine and for single users, and reports the file that each
    setting comes from.
  - The go command takes a setting from its environment, else from the user's file (C(~/.config/go/env), which C(go env -w)
    writes), else from C(go.env) in the tree of its release, else its default.
  - Changes nothing in the tree of a release. A setting in its C(go.env) would be lost with the next release, and the tree
    would no longer be the published one.
  - Writes the settings between two marker lines. Other lines of the file stay, except lines that set the same name, which are
    replaced.
  - Checks all names and values before it writes anything, in check mode too.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
options:
  machine:
    description:
      - Settings for every user, in O(machine_file). V({}) removes those of earlier runs. If not given, the file is only read.
      - They are environment variables, so they take precedence over the settings of a user. C(go env -w) cannot change them,
        but C(export) can.
      - Passwords are refused, because everybody can read the file.
      - C(GODEBUG) affects every Go program that a session starts. The release at O(goroot) must know its keys.
    type: dict
  machine_file:
    description:
      - The file that C(pam_env) reads for each session of SSH, C(su), C(sudo), C(cron) and the console.
      - A systemd unit reads it only with C(EnvironmentFile=-/etc/environment).
      - Open sessions keep their old values. So do new sessions over an SSH connection that was opened before
        (C(ControlPersist)).
    type: path
    default: /etc/environment
  users:
    description: Users with settings of their own. Users that are not listed are left unchanged.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the user. The file is read and written with the permissions of this user.
        type: str
        required: true
      settings:
        description: The settings. V({}) removes those of earlier runs.
        type: dict
        default: {}
      secret_settings:
        description:
          - Settings that contain a password, such as C(GOPROXY) with a user in its URL. They are not shown, and no other user
            may read the file. It is better to put a password into C(.netrc), which the go command reads too.
        type: dict
        default: {}
  goroot:
    description: The tree of a release. Its C(go.env) has defaults of settings, and its sources have the keys of C(GODEBUG).
    type: path
    default: /usr/local/lib/go/current
"""

EXAMPLES = r"""
- name: Use an internal proxy for all users, and build without file system paths as the user ci
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

- name: Remove the settings
  gofleet.hosts.go_env:
    machine: {}
    users:
      - name: ci
"""

RETURN = r"""
effective:
  description:
    - The settings from files after this run, for each user of O(users), or for the user that the module runs as. A setting that
      is missing here has its default, unless the environment of a process sets it.
    - C(source) is V(machine), V(user) or V(release) (C(go.env) of the release). C(hides) lists lines for the same setting that
      have no effect.
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
  description: Whether the host differed from the options before this run. The same in check mode.
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
