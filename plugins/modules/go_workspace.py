#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: go_workspace
short_description: A go.work of several modules
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Writes C(go.work), so that modules in directories side by side are built against each other.
  - Before the file is written, go loads the workspace from a copy elsewhere, without network. What go refuses is not written, and check
    mode tells so too. An unchanged run starts no command.
  - The file is as listed here, whatever was in it before; the difference is shown.
  - Run it as the owner of the directory (C(become_user)).
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
options:
  path:
    description: The directory of C(go.work). It must be there.
    type: path
    required: true
  modules:
    description:
      - The directories of the modules, from O(path) on or as whole paths, each with a C(go.mod).
      - They are named without links on the way, as go wants it.
      - Needed for O(state=present), not used otherwise.
    type: list
    elements: path
  go_version:
    description: The C(go) line, such as V(1.26.0). The highest one of the modules if not given; an older one is refused.
    type: str
  toolchain:
    description: The C(toolchain) line, such as V(go1.26.6). None if not given.
    type: str
  replace:
    description: Modules that are replaced by others, for all of the workspace.
    type: list
    elements: dict
    default: []
    suboptions:
      module:
        description: Path of the module that is replaced.
        type: str
        required: true
      version:
        description: The version that is replaced. All of them if not given.
        type: str
      with:
        description: A directory, which starts with V(./), V(../) or V(/), or the path of a module.
        type: str
        required: true
      with_version:
        description: The version of the module that takes its place.
        type: str
  go:
    description: The go command.
    type: path
    default: /usr/local/bin/go
  state:
    description: V(absent) removes the file, if this module has written it.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Build two modules against each other
  become: true
  become_user: ci
  gofleet.hosts.go_workspace:
    path: /srv/src
    modules: [./api, ./server]
    replace:
      - {module: example.org/codec, with: ./forks/codec}
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
  sample: /srv/src/go.work
modules:
  description: The directories that it uses, as they stand in it.
  returned: success
  type: list
  elements: str
  sample: [./api, ./server]
go_version:
  description: Its go line. V(null) with O(state=absent).
  returned: success
  type: str
  sample: 1.26.0
differs:
  description: Whether the host was, or in check mode is, unlike what was asked for.
  returned: success
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._converge import converge
from ..module_utils._errors import HostError
from ..module_utils._go_command.workspace import plan_workspace
from ..module_utils._run import host_runner

REPLACE = {
    "module": {"type": "str", "required": True},
    "version": {"type": "str"},
    "with": {"type": "str", "required": True},
    "with_version": {"type": "str"},
}
SPEC = {
    "path": {"type": "path", "required": True},
    "modules": {"type": "list", "elements": "path"},
    "go_version": {"type": "str"},
    "toolchain": {"type": "str"},
    "replace": {"type": "list", "elements": "dict", "options": REPLACE, "default": []},
    "go": {"type": "path", "default": "/usr/local/bin/go"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=SPEC,
        required_if=[("state", "present", ("modules",))],
        supports_check_mode=True,
    )
    try:
        converge(module, plan_workspace(module.params, run=host_runner(module)))
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
