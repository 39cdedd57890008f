#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: go_tool
short_description: Install programs with go install, in pinned versions
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Installs a list of programs with C(go install package@version).
  - Reads the versions of installed programs from their build information. If no program must be built or looked up, it runs
    no command and opens no connection.
  - Builds all programs in a staging directory and checks them before it puts the first one in place, by a rename. If a build
    fails, the installed programs stay as they were, and the error names the cause. If modules cannot be fetched, it is the
    cause that M(gofleet.hosts.go_proxy_info) finds.
  - Builds with the release of O(go) and never with another one (C(GOTOOLCHAIN=local)), with C(-trimpath) and without cgo.
    O(environment) can change this.
  - Never overwrites or removes a program of another package.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
requirements:
  - C(runuser) of util-linux, if O(user) is not the user that the module runs as
options:
  tools:
    description: The programs.
    type: list
    elements: dict
    required: true
    suboptions:
      package:
        description: Import path of the program. The file gets the name of the last path element that is not a version like V(v2).
        type: str
        required: true
      version:
        description:
          - A full version of its module, such as V(v1.27.2). Required unless O(tools[].state=absent).
          - V(latest) looks up the newest version in every run. If the lookup fails, the installed version stays, with a
            warning.
        type: str
      module:
        description: The module that the package is in. It is only used for V(latest), and saves requests there.
        type: str
      state:
        description: V(absent) removes the program if its build information has this package.
        type: str
        choices: [present, absent]
        default: present
  user:
    description:
      - The user who builds and owns the programs. The settings, caches and C(.netrc) of this user are used.
      - The default is the user that the module runs as.
    type: str
  bin_dir:
    description: The directory for the programs. The default is C(go/bin) in the home of O(user), or V(/usr/local/bin) without O(user).
    type: path
  go:
    description: The go command.
    type: path
    default: /usr/local/bin/go
  rebuild:
    description: Whether to build a program again if another version of Go built it.
    type: bool
    default: false
  environment:
    description:
      - Environment variables for the go command, such as C(GOPROXY). They take precedence over C(/etc/environment). A change of
        them does not cause a build.
      - Put passwords into C(.netrc) of the user, not here.
    type: dict
    default: {}
  timeout:
    description: Seconds for the build of one program, including downloads.
    type: int
    default: 900
"""

EXAMPLES = r"""
- name: Install a debugger and a language server for all users
  gofleet.hosts.go_tool:
    tools:
      - {package: github.com/go-delve/delve/cmd/dlv, version: v1.27.2}
      - {package: golang.org/x/tools/gopls, version: v0.23.0}

- name: Install staticcheck for the user ci only, and rebuild it after each upgrade of Go
  gofleet.hosts.go_tool:
    user: ci
    rebuild: true
    tools:
      - {package: honnef.co/go/tools/cmd/staticcheck, version: v0.8.2}

- name: Remove a tool
  gofleet.hosts.go_tool:
    tools:
      - {package: golang.org/x/tools/gopls, state: absent}
"""

RETURN = r"""
tools:
  description:
    - The package and the version of each program, by path.
    - For V(latest) it is the version that was found. C(version) is V(null) for O(tools[].state=absent).
  returned: success
  type: dict
  sample: {/usr/local/bin/gopls: {package: golang.org/x/tools/gopls, version: v0.23.0}}
differs:
  description: Whether the host differed from the options before this run. The same in check mode.
  returned: success
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._converge import converge
from ..module_utils._errors import HostError
from ..module_utils._go_command.tool import plan_go_tools
from ..module_utils._run import host_runner

TOOL = {
    "package": {"type": "str", "required": True},
    "version": {"type": "str"},
    "module": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}
SPEC = {
    "tools": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": TOOL,
        "required_if": [("state", "present", ("version",))],
    },
    "user": {"type": "str"},
    "bin_dir": {"type": "path"},
    "go": {"type": "path", "default": "/usr/local/bin/go"},
    "rebuild": {"type": "bool", "default": False},
    "environment": {"type": "dict", "default": {}},
    "timeout": {"type": "int", "default": 900},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        converge(module, plan_go_tools(module.params, run=host_runner(module)))
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
