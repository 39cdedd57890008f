#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: go_bundle
short_description: Collect Go releases in a directory, for air-gapped hosts
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Downloads the archives of Go releases into a directory, with their signatures if the mirror has them, and writes an
    C(index.json) in the format of go.dev's list. Usually run on the controller, by the playbook C(gofleet.hosts.bundle).
  - You can copy the directory to a site without network. M(gofleet.hosts.go_toolchain) uses it as its C(mirror), as
    C(file://) or from any web server for plain files.
  - Another run verifies the SHA-256 of each archive, and downloads only missing and damaged ones. Nothing is removed.
  - With O(signature), the archives in the directory are checked too. Without it, signatures are collected if the mirror has
    them, but not checked.
  - Opens no connection if all O(versions) are full versions and their archives are complete.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
  - gofleet.hosts._go_mirror
options:
  path:
    description: The directory. Created if it is missing.
    type: path
    required: true
  versions:
    description:
      - The releases to collect, as in M(gofleet.hosts.go_toolchain). The path of a C(go.mod) is not allowed here.
      - A floating version such as V(1.27) or V(stable) is resolved again in every run.
    type: list
    elements: str
    required: true
  arches:
    description: The architectures, as go.dev names them, such as V(amd64), V(arm64), V(armv6l), V(ppc64le) or V(riscv64).
    type: list
    elements: str
    default: [amd64, arm64]
seealso:
  - module: gofleet.hosts.go_toolchain
"""

EXAMPLES = r"""
- name: Collect the newest releases of two minors for two architectures
  gofleet.hosts.go_bundle:
    path: /srv/go
    versions: ["1.27", "1.26"]
    arches: [amd64, arm64]
  delegate_to: localhost
  run_once: true

- name: Install a release from the directory of the controller
  gofleet.hosts.go_toolchain:
    versions: ["1.27"]
    mirror: file:///srv/go
"""

RETURN = r"""
path:
  description: The directory.
  returned: success
  type: str
  sample: /srv/go
versions:
  description: The requested releases, as full versions.
  returned: success
  type: list
  elements: str
  sample: ["1.27.3", "1.26.6"]
archives:
  description: The archives in the directory after the run, including those of earlier runs.
  returned: success
  type: list
  elements: str
  sample: [go1.27.3.linux-amd64.tar.gz]
bytes_downloaded:
  description: Bytes of archives that were downloaded from the mirror. 0 in check mode.
  returned: success
  type: int
  sample: 68278990
differs:
  description: Whether the directory differed from the options before this run. The same in check mode.
  returned: success
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._converge import converge
from ..module_utils._errors import HostError
from ..module_utils._go_toolchain.bundle import plan_bundle
from ..module_utils._go_toolchain.mirror import secrets_of
from ..module_utils._go_toolchain.options import bundle_spec


def main() -> None:
    module = AnsibleModule(argument_spec=bundle_spec(), supports_check_mode=True)
    module.no_log_values.update(secrets_of(module.params))
    try:
        converge(module, plan_bundle(module.params))
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
