#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: go_bundle
short_description: Collect Go releases in a directory, for hosts without a way out
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Fills a directory with the archives of Go releases, their signatures where the mirror has them, and C(index.json) in the
    form of go.dev's list. Usually run on the controller, by the playbook C(gofleet.hosts.bundle).
  - The directory can be carried to where there is no network. M(gofleet.hosts.go_toolchain) takes it as its C(mirror), by
    C(file://) or from any web server of plain files.
  - A second run reads what is there, hash by hash, and fetches only what is missing or damaged. Nothing is taken away.
  - With O(signature), archives that are there already are checked too. Without it signatures are collected where there are some,
    and not checked.
  - When all that is asked for by full names is there and whole, no connection is opened.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
  - gofleet.hosts._go_mirror
options:
  path:
    description: The directory. Made if it is not there.
    type: path
    required: true
  versions:
    description:
      - The releases to have, as for M(gofleet.hosts.go_toolchain), but for a C(go.mod).
      - A moving name such as V(1.27) or V(stable) is looked up in every run.
    type: list
    elements: str
    required: true
  arches:
    description: The architectures to have them for, in go.dev's words, such as V(amd64), V(arm64), V(armv6l), V(ppc64le) or V(riscv64).
    type: list
    elements: str
    default: [amd64, arm64]
seealso:
  - module: gofleet.hosts.go_toolchain
"""

EXAMPLES = r"""
- name: Collect two series for two kinds of machines
  gofleet.hosts.go_bundle:
    path: /srv/go
    versions: ["1.27", "1.26"]
    arches: [amd64, arm64]
  delegate_to: localhost
  run_once: true

- name: Use the directory, which hosts cannot see, from the controller
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
  description: The releases that were asked for, by their full names.
  returned: success
  type: list
  elements: str
  sample: ["1.27.3", "1.26.6"]
archives:
  description: The archives that are in the directory after the run, those of earlier runs too.
  returned: success
  type: list
  elements: str
  sample: [go1.27.3.linux-amd64.tar.gz]
bytes_downloaded:
  description: Bytes of archives that were read from the mirror. 0 in check mode.
  returned: success
  type: int
  sample: 68278990
differs:
  description: Whether the directory was, or in check mode is, unlike what was asked for.
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
