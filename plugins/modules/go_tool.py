#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: go_tool
short_description: Programs by go install, in pinned versions
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Installs programs with C(go install package@version), all of a list at once.
  - What is there is told by the build information in the programs themselves. When all is as it should be, nothing is run and no
    connection opened.
  - All are built beside their places and checked before the first one is put in place by a rename. A failure leaves the programs as they
    were, with the cause in the error; where modules do not come, the one that M(gofleet.hosts.go_proxy_info) finds.
  - Builds with the release that O(go) belongs to, never another (C(GOTOOLCHAIN=local)), with C(-trimpath) and without cgo, unless
    O(environment) says otherwise.
  - A program of another package at the place is never overwritten or removed.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
requirements:
  - C(runuser) of util-linux, where O(user) is another than the one that the module runs as
options:
  tools:
    description: The programs.
    type: list
    elements: dict
    required: true
    suboptions:
      package:
        description: Import path of the program. Its file is called as the last element, or the one before a V(v2).
        type: str
        required: true
      version:
        description:
          - A whole version of its module, such as V(v1.27.2). Needed unless O(tools[].state=absent).
          - V(latest) asks for the newest one in every run. When that fails, the version that is there stays, with a warning.
        type: str
      module:
        description: The module that the package is in. Only V(latest) needs it, and finds it by itself, with a question more.
        type: str
      state:
        description: V(absent) removes the program, if its build information says that it is of this package.
        type: str
        choices: [present, absent]
        default: present
  user:
    description: Who builds and owns the programs, with settings, caches and C(.netrc) of its own. The one the module runs as if not given.
    type: str
  bin_dir:
    description: Where the programs go. C(go/bin) in the home of O(user), or V(/usr/local/bin) without O(user).
    type: path
  go:
    description: The go command.
    type: path
    default: /usr/local/bin/go
  rebuild:
    description: Whether a program that another version of Go has built is built again.
    type: bool
    default: false
  environment:
    description:
      - Variables for the go command, such as C(GOPROXY), before those that C(/etc/environment) has. They are not part of what is compared.
      - Passwords belong into C(.netrc) of the user.
    type: dict
    default: {}
  timeout:
    description: Seconds for one program, from the first download to the link.
    type: int
    default: 900
"""

EXAMPLES = r"""
- name: Have a debugger and a language server for all users
  gofleet.hosts.go_tool:
    tools:
      - {package: github.com/go-delve/delve/cmd/dlv, version: v1.27.2}
      - {package: golang.org/x/tools/gopls, version: v0.23.0}

- name: Have staticcheck for ci alone, rebuilt after each upgrade of Go
  gofleet.hosts.go_tool:
    user: ci
    rebuild: true
    tools:
      - {package: honnef.co/go/tools/cmd/staticcheck, version: v0.8.2}

- name: Take a tool away
  gofleet.hosts.go_tool:
    tools:
      - {package: golang.org/x/tools/gopls, state: absent}
"""

RETURN = r"""
tools:
  description: For the path of each program, its package and version; V(latest) as the version that it is now. V(null) for none.
  returned: success
  type: dict
  sample: {/usr/local/bin/gopls: {package: golang.org/x/tools/gopls, version: v0.23.0}}
differs:
  description: Whether the host was, or in check mode is, unlike what was asked for.
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
