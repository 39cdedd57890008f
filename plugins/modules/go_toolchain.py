#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: go_toolchain
short_description: Install Go releases side by side, and switch between them
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Keeps Go releases in one directory, C(<root>/<version>/), with a link C(<root>/current) to the one in use and
    C(<root>/previous) to the one before.
  - An archive is downloaded, checked by size and SHA-256, unpacked and written in one pass; only a whole and verified
    release gets its place, by one rename. A failure leaves the Go that was there as it was.
  - When all versions are there, the module reads a few small files and opens no connection.
  - Puts links to C(go) and C(gofmt) into O(bin_dir). In the usual C(PATH), C(/usr/local/bin) comes before C(/usr/bin),
    so these win over the C(go) of the distribution, for services and other programs as well as for shells.
  - One run at a time changes O(root). Another one waits for it, for at most 15 minutes.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
options:
  versions:
    description:
      - The releases to have, by their full names, such as V(1.27.3), V(go1.27.3) or V(1.28rc1). Write them in quotes.
      - V(stable) is the newest stable release in the mirror's list. The list is read in every run then. When it cannot
        be read, the release that V(stable) was in an earlier run is used, with a warning.
      - Releases that are not named here stay as they are, unless O(keep) says otherwise.
      - Needed for O(state=present), not used otherwise.
    type: list
    elements: str
  active:
    description:
      - The one of O(versions) that is in use. The first one if not given.
      - An older one than before is as good as a newer one, it is a switch of a link.
    type: str
  root:
    description: The directory of releases.
    type: path
    default: /usr/local/lib/go
  bin_dir:
    description:
      - Where the links to C(go) and C(gofmt) go. Made if it is not there.
      - A file, or a link that leads elsewhere, is never overwritten. The run fails and says what is there.
    type: path
    default: /usr/local/bin
  mirror:
    description:
      - Where the list of releases and the archives are. C(http), C(https) and C(file) work.
      - The list is read from C(<mirror>/?mode=json&include=all), or C(<mirror>/index.json) where the mirror is plain
        files, in the form that V(https://go.dev/dl) has. Archives are C(<mirror>/<filename>).
      - Proxies are taken from the environment, passwords from the address or C(.netrc).
    type: str
    default: https://go.dev/dl
  keep:
    description:
      - How many releases may stay in O(root) in all. The ones that were installed first go.
      - Never removes C(current), C(previous), or one of O(versions); these count.
      - Nothing is removed if not given.
    type: int
  timeout:
    description: Seconds to wait for the mirror, for a connection and for each read on it.
    type: int
    default: 30
  state:
    description:
      - V(present) has O(versions) installed, and O(active) in use.
      - V(rolled_back) puts the release in use that was so before, without network. A second run does not go forward
        again; V(present) does.
      - V(absent) removes all releases in O(root), and the links. Files and links that the module did not make stay.
    type: str
    choices: [present, absent, rolled_back]
    default: present
"""

EXAMPLES = r"""
- name: Have one Go
  gofleet.hosts.go_toolchain:
    versions: ["1.27.3"]

- name: Have two, use the older one, and keep no more than three
  gofleet.hosts.go_toolchain:
    versions: ["1.27.3", "1.26.6"]
    active: "1.26.6"
    keep: 3

- name: Take them from a mirror of our own
  gofleet.hosts.go_toolchain:
    versions: ["1.27.3"]
    mirror: https://mirror.example.org/go

- name: Go back to the Go that was in use before
  gofleet.hosts.go_toolchain:
    state: rolled_back
"""

RETURN = r"""
active:
  description: The release in use; null if none is.
  returned: success
  type: str
  sample: "1.27.3"
installed:
  description: The whole releases in O(root), the oldest version first.
  returned: success
  type: list
  elements: str
  sample: ["1.26.6", "1.27.3"]
bytes_downloaded:
  description: Bytes of archives that were read from the mirror. 0 in check mode.
  returned: success
  type: int
  sample: 68278990
differs:
  description: Whether the host was, or in check mode is, unlike what was asked for.
  returned: success
  type: bool
  sample: true
error:
  description: What was wrong, in parts.
  returned: failure that a person can act on
  type: dict
  contains:
    subject:
      description: The version, file or address at fault.
      type: str
      sample: Go 1.24
    wanted:
      description: What should have been there.
      type: str
      sample: it in the index of https://go.dev/dl
    found:
      description: What was there.
      type: str
      sample: no release by that name, but 1.24.0, 1.24.1
    remedy:
      description: What to do.
      type: str
      sample: "1.24 is not a release here; the newest one of that series is 1.24.1: give the full version."
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._converge import converge
from ..module_utils._errors import HostError
from ..module_utils._go_toolchain import plan_toolchain

SPEC = {
    "versions": {"type": "list", "elements": "str"},
    "active": {"type": "str"},
    "root": {"type": "path", "default": "/usr/local/lib/go"},
    "bin_dir": {"type": "path", "default": "/usr/local/bin"},
    "mirror": {"type": "str", "default": "https://go.dev/dl"},
    "keep": {"type": "int"},
    "timeout": {"type": "int", "default": 30},
    "state": {"type": "str", "choices": ["present", "absent", "rolled_back"], "default": "present"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=SPEC,
        required_if=[("state", "present", ("versions",))],
        supports_check_mode=True,
    )
    try:
        plan = plan_toolchain(module.params, machine=os.uname().machine)
        for warning in plan.warnings:
            module.warn(warning)
        converge(module, before=plan.before, after=plan.after, apply=plan.apply, result=plan.result)
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
