#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: go_workspace
short_description: Manage a go.work for several modules
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Writes C(go.work), so that several modules are built together from their directories.
  - Before the file is written, the go command loads a copy of it in another directory, without network. A workspace that go
    refuses is not written. Check mode fails in the same way. If nothing changes, no command is run.
  - Replaces the whole content of the file. The difference is shown with C(--diff).
  - Run it as the owner of the directory (C(become_user)).
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
options:
  path:
    description: The directory of C(go.work). It must exist.
    type: path
    required: true
  modules:
    description:
      - The directories of the modules, relative to O(path) or absolute, each with a C(go.mod).
      - The paths must not contain symbolic links, because the go command does not follow them.
      - Required for O(state=present), ignored otherwise.
    type: list
    elements: path
  go_version:
    description: The C(go) line, such as V(1.26.0). The default is the highest version of the modules. A lower one is refused.
    type: str
  toolchain:
    description: The C(toolchain) line, such as V(go1.26.6). By default there is none.
    type: str
  replace:
    description: The C(replace) lines, which are for the whole workspace.
    type: list
    elements: dict
    default: []
    suboptions:
      module:
        description: Path of the module to replace.
        type: str
        required: true
      version:
        description: The version to replace. By default, all versions are replaced.
        type: str
      with:
        description: The replacement, a directory that starts with V(./), V(../) or V(/), or the path of a module.
        type: str
        required: true
      with_version:
        description: The version of the replacement. Required for the path of a module, not allowed for a directory.
        type: str
  go:
    description: The go command.
    type: path
    default: /usr/local/bin/go
  state:
    description: V(absent) removes the file if this module has written it.
    type: str
    choices: [present, absent]
    default: present
"""

EXAMPLES = r"""
- name: Build two modules together
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
  description: The directories of the modules, as they are in the file.
  returned: success
  type: list
  elements: str
  sample: [./api, ./server]
go_version:
  description: The version in the C(go) line. V(null) with O(state=absent).
  returned: success
  type: str
  sample: 1.26.0
differs:
  description: Whether the host differed from the options before this run. The same in check mode.
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
