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
    so these win over the C(go) of the distribution, for services and other programs as well as for shells. What else
    is there by the name C(go) is told in RV(shell), and left alone.
  - The controller reads the mirror's list, once a run for all hosts. If it cannot, the copy of an earlier run counts; if there
    is none, each host reads the list. M(gofleet.hosts.go_bundle) makes a mirror of a directory.
  - One run at a time changes O(root). Another one waits for it, for at most 15 minutes.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
  - gofleet.hosts._attributes.controller
  - gofleet.hosts._go_mirror
options:
  versions:
    description:
      - The releases to have. Write them in quotes.
      - A full name, such as V(1.27.3) or V(1.28rc1), is one release for ever.
      - V(1.27) is the newest patch release of that series, V(stable) the newest stable release of all, and V(oldstable)
        the newest one of the minor before. What they are is looked up once, and then kept; see O(update) and O(lock).
      - A path that ends in C(go.mod) or C(go.work) is a file on the controller. Its C(toolchain) line counts, else its
        C(go) line; C(go 1.27) without a patch is the series.
      - Releases that are not named here stay as they are, unless O(keep) says otherwise.
      - Needed for O(state=present), not used otherwise.
    type: list
    elements: str
  active:
    description:
      - The one of O(versions) that is in use. The first one if not given.
    type: str
  update:
    description:
      - Look up anew what V(stable), V(oldstable) and series in O(versions) are.
      - Without it a host keeps to the releases that these names meant before, with no network.
    type: bool
    default: false
  lock:
    description:
      - A file on the controller that says which release each moving name in O(versions) is, and the SHA-256 of each archive
        that was asked for. To be kept with the inventory, so that all hosts have the same, those of next year too.
      - Written when something is not in it yet, or with O(update). Without it, each host keeps its own record.
    type: path
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
  adopt:
    description:
      - A Go that was unpacked by hand, usually V(/usr/local/go), that is to be one of the releases here.
      - The same release is installed and verified. If the tree is equal to it, file by file, a link to C(<root>/current)
        takes its place in one step, and a roll back leads to it. If it is not equal, the run fails, names what differs,
        and changes nothing.
      - Nothing at this path is nothing to do.
    type: path
  delivery:
    description:
      - How an archive comes to a host.
      - V(host) has each host download it.
      - V(controller) has the controller download it once, and send what differs from the next older release on the host, made
        once for all hosts; or the whole archive where the host has none. About 2 MB in place of 65 for a patch release.
      - V(auto) is V(controller) for a patch of a series that the host has, where this moves fewer bytes than the downloads
        of all hosts of the play; and where a host cannot reach the mirror, or O(mirror) is a directory of the controller.
        Else it is V(host).
      - The Python package C(bsdiff4) on the controller makes what is sent small.
    type: str
    choices: [auto, host, controller]
    default: auto
  keep:
    description:
      - How many releases may stay in O(root) in all. The ones that were installed first go.
      - Never removes C(current), C(previous), or one of O(versions); these count.
      - Nothing is removed if not given.
    type: int
  state:
    description:
      - V(present) has O(versions) installed, and O(active) in use.
      - V(rolled_back) puts the release in use that was so before, without network. A second run does not go forward
        again; V(present) does.
      - V(absent) removes all releases in O(root), and the links. Files and links that the module did not make stay.
    type: str
    choices: [present, absent, rolled_back]
    default: present
  offer:
    description: What the controller knows and has sent. Filled in by the controller's half of this module.
    type: dict
    suboptions:
      resolved:
        description: Releases by the moving names that mean them.
        type: dict
        default: {}
      newest:
        description: N of the newest 1.N with a stable release.
        type: int
      archives:
        description: Archives of this host's architecture; none before the host was asked.
        type: list
        elements: dict
        suboptions:
          version:
            description: The release.
            type: str
            required: true
          filename:
            description: Its name on the mirror.
            type: str
            required: true
          sha256:
            description: Its SHA-256.
            type: str
            required: true
          size:
            description: Its bytes.
            type: int
            required: true
          path:
            description: Where it, or a delta to it, is on the host.
            type: path
          base:
            description: The release on the host that the delta starts from.
            type: str
          root:
            description: Merkle root of the tree that the delta leads to.
            type: str
seealso:
  - module: gofleet.hosts.go_bundle
  - module: gofleet.hosts.go_env
"""

EXAMPLES = r"""
- name: Have two, use the older one, keep no more than three, take over the one by hand
  gofleet.hosts.go_toolchain:
    versions: ["1.27.3", "1.26.6"]
    active: "1.26.6"
    keep: 3
    adopt: /usr/local/go

- name: Have the newest patch of a series, the same on all hosts; with update=true, the newest of today
  gofleet.hosts.go_toolchain:
    versions: ["1.27"]
    lock: "{{ inventory_dir }}/go.lock.json"

- name: Have the Go that a program of ours is built with
  gofleet.hosts.go_toolchain:
    versions: ["{{ playbook_dir }}/../hello/go.mod"]

- name: Take signed archives from a mirror of our own, for hosts that have no way to it
  gofleet.hosts.go_toolchain:
    versions: ["1.27.3"]
    mirror: https://mirror.example.org/go
    headers:
      Authorization: Bearer {{ mirror_token }}
    delivery: controller
    signature:
      fingerprint: EB4C 1BFD 4F04 2F6D DDCC EC91 7721 F63B D38B 4796
      key: files/linux_signing_key.pub

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
pins:
  description: The releases that the moving names in O(versions) mean now.
  returned: success
  type: dict
  sample: {"stable": "1.27.3"}
methods:
  description: How each release came that was installed, V(download), V(archive) or V(delta). Empty in check mode.
  returned: success
  type: dict
  sample: {"1.27.3": "delta"}
bytes_downloaded:
  description: Bytes of archives that the host read from the mirror. 0 in check mode.
  returned: success
  type: int
  sample: 68278990
bytes_sent:
  description: Bytes of archives and deltas that the controller sent. Two runs on the host come on top, with about 0.1 MB each.
  returned: success
  type: int
  sample: 1896485
shell:
  description: What C(go) is for those who log in, asked of a login shell and the directories in its C(PATH).
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
      description: The program that runs; null if none does.
      type: str
    version:
      description: Its version; null if its tree does not tell.
      type: str
    others:
      description: Further ones, with what their trees tell.
      type: list
      elements: dict
    reason:
      description: Why no login shell could be asked, and the usual C(PATH) was taken; null if one was.
      type: str
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
      sample: Go 1.24.9
    wanted:
      description: What should have been there.
      type: str
      sample: it in the index of https://go.dev/dl
    found:
      description: What was there.
      type: str
      sample: no release by that name, but 1.24.1, 1.24.2
    remedy:
      description: What to do.
      type: str
      sample: Give a version that is there, or a mirror that has it.
not_fetched:
  description: The address that did not give what was asked for.
  returned: failure of a download
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
