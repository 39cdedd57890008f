#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: go_toolchain
short_description: Install Go releases side by side and switch between them
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Installs each Go release in C(<root>/<version>/). The link C(<root>/current) leads to the release in use, and
    C(<root>/previous) to the release that was in use before.
  - Downloads an archive, checks its size and SHA-256, unpacks and writes it in one pass. A release is put in place by one
    rename, after it is complete and verified. If anything fails, the installed Go stays as it was.
  - Opens no connection if all versions are installed. It then reads only a few small files.
  - Makes links to C(go) and C(gofmt) in O(bin_dir). In the default C(PATH), C(/usr/local/bin) comes before C(/usr/bin), so
    these links take precedence over the C(go) of the distribution, in shells, services and other programs. Other programs
    named C(go) are reported in RV(shell) and left unchanged.
  - The controller reads the mirror's list of releases, once a run for all hosts. If it cannot read the list, it uses the copy
    of an earlier run. If there is no copy, each host reads the list. M(gofleet.hosts.go_bundle) makes a mirror in a
    directory, for air-gapped hosts.
  - Only one run at a time changes O(root). Another run waits for it, for at most 15 minutes.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
  - gofleet.hosts._attributes.controller
  - gofleet.hosts._go_mirror
options:
  versions:
    description:
      - The releases to install. Write them in quotes.
      - A full version, such as V(1.27.3) or V(1.28rc1), names one release.
      - A floating version resolves to the newest release that matches. V(1.27) is the newest patch release of that minor,
        V(stable) the newest stable release, and V(oldstable) the newest stable release of the minor before. The module
        resolves a floating version once and then keeps the release. See O(update) and O(lock).
      - A path that ends in C(go.mod) or C(go.work) is a file on the controller. The newer version of its C(toolchain) and
        C(go) lines is used. A line without a patch, such as C(go 1.27), is a floating version.
      - Releases that are not listed stay installed, unless O(keep) removes them.
      - Required for O(state=present), ignored otherwise.
    type: list
    elements: str
  active:
    description:
      - The entry of O(versions) to put into use. The default is the first one.
    type: str
  update:
    description:
      - Resolve the floating versions in O(versions) again.
      - Without it, a host keeps the releases that these versions resolved to before, and needs no network for them.
    type: bool
    default: false
  lock:
    description:
      - A lock file on the controller. It has the release of each floating version in O(versions), and the SHA-256 of each
        archive. Keep it beside the inventory, so that all hosts have the same releases, and hosts added later too.
      - Written if an entry is missing, or with O(update). Without a lock file, each host keeps its own record.
    type: path
  root:
    description: The directory of releases.
    type: path
    default: /usr/local/lib/go
  bin_dir:
    description:
      - The directory for the links to C(go) and C(gofmt). Created if it is missing.
      - A file, or a link that leads elsewhere, is never overwritten. The run fails and names it.
    type: path
    default: /usr/local/bin
  adopt:
    description:
      - The path of a Go tree that was unpacked by hand, usually V(/usr/local/go). The module takes it over.
      - The same release is installed and verified. If the tree equals it file by file, it is replaced by a link to
        C(<root>/current) in one step. A rollback then leads to that release. If the tree differs, the run fails, names the
        files that differ, and changes nothing.
      - Ignored if there is nothing at the path.
    type: path
  delivery:
    description:
      - How releases are delivered to a host.
      - With V(host), each host downloads the archive.
      - With V(controller), the controller downloads the archive once. It sends a delta from an older release on the host,
        which it makes once for all hosts, or the archive if the host has no older release. For a patch release, a delta has
        about 2 MB, and an archive 65 MB.
      - V(auto) is V(controller) in three cases. First, the host has a release of the same minor, and the downloads of the
        controller are smaller than those of all hosts of the play. Second, the host cannot reach the mirror. Third,
        O(mirror) is a directory of the controller. In all other cases it is V(host).
      - Install the Python package C(bsdiff4) on the controller to make small deltas.
    type: str
    choices: [auto, host, controller]
    default: auto
  keep:
    description:
      - The number of releases to keep in O(root). The releases that were installed first are removed.
      - C(current), C(previous) and O(versions) are never removed. They count towards the number.
      - By default, nothing is removed.
    type: int
  state:
    description:
      - V(present) installs O(versions), and puts O(active) into use.
      - V(rolled_back) puts the release into use that was in use before, without network. A second run changes nothing. Use
        V(present) to go forward again.
      - V(absent) removes all releases in O(root), and the links. Files and links that the module did not make stay.
    type: str
    choices: [present, absent, rolled_back]
    default: present
  offer:
    description: The releases and archives that the controller offers. Set by the action plugin of this module. Do not use it.
    type: dict
    suboptions:
      resolved:
        description: The releases of floating versions, by version.
        type: dict
        default: {}
      newest:
        description: N of the newest minor 1.N that has a stable release.
        type: int
      archives:
        description: Archives for the architecture of the host. Not set before the host has said what it needs.
        type: list
        elements: dict
        suboptions:
          version:
            description: The release.
            type: str
            required: true
          filename:
            description: Name of the archive on the mirror.
            type: str
            required: true
          sha256:
            description: SHA-256 of the archive.
            type: str
            required: true
          size:
            description: Size of the archive in bytes.
            type: int
            required: true
          path:
            description: Path of the archive, or of a delta, on the host.
            type: path
          base:
            description: The installed release that the delta starts from.
            type: str
          root:
            description: Merkle root of the tree that the delta leads to.
            type: str
seealso:
  - module: gofleet.hosts.go_bundle
  - module: gofleet.hosts.go_env
"""

EXAMPLES = r"""
- name: Install two releases, use the older one, keep three, and take over the one in /usr/local/go
  gofleet.hosts.go_toolchain:
    versions: ["1.27.3", "1.26.6"]
    active: "1.26.6"
    keep: 3
    adopt: /usr/local/go

- name: Install the newest patch release of a minor, the same on all hosts (add update=true to move to a newer one)
  gofleet.hosts.go_toolchain:
    versions: ["1.27"]
    lock: "{{ inventory_dir }}/go.lock.json"

- name: Install the Go version that a go.mod requires
  gofleet.hosts.go_toolchain:
    versions: ["{{ playbook_dir }}/../hello/go.mod"]

- name: Install signed archives from an internal mirror on hosts that cannot reach it
  gofleet.hosts.go_toolchain:
    versions: ["1.27.3"]
    mirror: https://mirror.example.org/go
    headers:
      Authorization: Bearer {{ mirror_token }}
    delivery: controller
    signature:
      fingerprint: EB4C 1BFD 4F04 2F6D DDCC EC91 7721 F63B D38B 4796
      key: files/linux_signing_key.pub

- name: Roll back to the release that was in use before
  gofleet.hosts.go_toolchain:
    state: rolled_back
"""

RETURN = r"""
active:
  description: The release in use. V(null) if none is in use.
  returned: success
  type: str
  sample: "1.27.3"
installed:
  description: The complete releases in O(root), the oldest version first.
  returned: success
  type: list
  elements: str
  sample: ["1.26.6", "1.27.3"]
pins:
  description: The releases that the floating versions in O(versions) resolve to, by version.
  returned: success
  type: dict
  sample: {"stable": "1.27.3"}
methods:
  description:
    - How each new release was delivered. V(download) is a download by the host. V(archive) and V(delta) were sent by the
      controller.
    - Empty in check mode.
  returned: success
  type: dict
  sample: {"1.27.3": "delta"}
bytes_downloaded:
  description: Bytes of archives that the host downloaded from the mirror. 0 in check mode.
  returned: success
  type: int
  sample: 68278990
bytes_sent:
  description:
    - Bytes of archives and deltas that the controller sent.
    - The module itself is not counted. It usually runs twice on the host, and each run sends about 0.1 MB.
  returned: success
  type: int
  sample: 1896485
shell:
  description: The C(go) that a user runs after login, from the C(PATH) of a login shell.
  returned: success
  type: dict
  sample:
    go: /usr/local/bin/go
    version: "1.27.3"
    others:
      - {path: /usr/bin/go, version: "1.24.4"}
    reason: null
  contains:
    go:
      description: The program that runs. V(null) if there is none.
      type: str
    version:
      description: Its version, from the file C(VERSION) of its tree. V(null) if there is no such file.
      type: str
    others:
      description: Other programs named C(go), each with C(path) and C(version).
      type: list
      elements: dict
    reason:
      description: Why the C(PATH) of a login shell could not be read, and the default C(PATH) was used. V(null) if it was read.
      type: str
differs:
  description: Whether the host differed from the options before this run. The same in check mode.
  returned: success
  type: bool
  sample: true
error:
  description: The parts of the error message.
  returned: failure that the user can correct
  type: dict
  contains:
    subject:
      description: The version, file or address that has the problem.
      type: str
      sample: Go 1.24.9
    wanted:
      description: What should have been there.
      type: str
      sample: this version in the index of https://go.dev/dl
    found:
      description: What was there instead.
      type: str
      sample: no release of that name, but 1.24.1, 1.24.2
    remedy:
      description: What to do.
      type: str
      sample: Choose one of these versions, or a mirror that has the wanted one.
not_fetched:
  description: The URL that could not be downloaded.
  returned: a download failed
  type: str
  sample: https://go.dev/dl/go1.27.3.linux-amd64.tar.gz
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._converge import converge
from ..module_utils._errors import HostError
from ..module_utils._go_toolchain.mirror import secrets_of
from ..module_utils._go_toolchain.options import REQUIRED_IF, toolchain_spec
from ..module_utils._go_toolchain.plan import plan_toolchain
from ..module_utils._run import host_runner


def main() -> None:
    spec = toolchain_spec()
    module = AnsibleModule(argument_spec=spec, required_if=[REQUIRED_IF], supports_check_mode=True)
    module.no_log_values.update(secrets_of(module.params))
    try:
        converge(module, plan_toolchain(module.params, machine=os.uname().machine, run=host_runner(module)))
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
