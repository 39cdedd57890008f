#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release
short_description: Install programs in a versioned release store
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Installs programs from the controller, or programs built there, as C(<root>/<name>/<version>/<name>) on the host.
  - A program is sent only if the host does not have it. It is written beside its final path, checked by SHA-256, and renamed,
    so the store has either the complete version or nothing of it. The link C(<root>/<name>/current) selects the version that runs.
  - A host with an older version gets a delta. The controller keeps the programs that it has sent, to make small patches from them.
    If it does not have the old program, the host reports checksums of its parts. If the host rejects a delta, the whole program is sent once.
  - Before any change, in check mode too, the program is compared with the host. Its architecture, processor level (C(GOAMD64), C(GOARM64)),
    dynamic loader and glibc must fit.
  - An unchanged run takes one round trip and sends nothing. The next build also takes one round trip if the controller remembers which
    program the host has.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
  - gofleet.hosts._attributes.controller
notes:
  - In check mode, programs are still built on the controller, because only the result shows whether the host already has them.
options:
  releases:
    description: The programs, each in one version.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the program and of its directory in the store.
        type: str
        required: true
      version:
        description: Label of this version. The content of a label never changes. The same label with other content is refused.
          The default is the first 12 digits of the SHA-256 of the program, or of the program and its files.
        type: str
        default: ""
      file:
        description: A built program on the controller. Relative paths start at the playbook. One of O(releases[].file) and O(releases[].build) is needed.
        type: path
      build:
        description: Build the program on the controller with the Go command, static and without local paths.
        type: dict
        suboptions:
          directory:
            description: Directory of the Go module on the controller. Relative paths start at the playbook.
            type: path
            required: true
          package:
            description: The main package in the module.
            type: str
            default: "."
          goarch:
            description: Processor architecture of the host, as a value of C(GOARCH).
            type: str
            default: amd64
          ldflags:
            description: Flags for the linker, for example V(-s -w -X main.version=1.2.3).
            type: str
            default: ""
          tags:
            description: Build tags.
            type: list
            elements: str
            default: []
          go:
            description: The Go command on the controller, as a name in its C(PATH) or as a path.
            type: str
            default: go
      files:
        description:
          - Other files of the release, such as its configuration, in the same directory as the program. They are part of the version.
            A changed file makes a new version, and a rollback also restores the old files.
          - Together at most 1 MiB. The diff shows their text, except for files that other users on the host cannot read (such as V("0640")).
            For secrets, use credentials of the service instead.
        type: list
        elements: dict
        default: []
        suboptions:
          path:
            description: Path of the file in the directory of the release, for example V(etc/app.yml).
            type: str
            required: true
          content:
            description: The text of the file. One of O(releases[].files[].content) and O(releases[].files[].src) is needed.
            type: str
          src:
            description: A file on the controller. Relative paths start at the playbook.
            type: path
          mode:
            description: Permissions, as four octal digits in quotes.
            type: str
            default: "0644"
          data:
            description: The content in Base64. Filled in by the controller's half of this module.
            type: str
      sha256:
        description: SHA-256 that the program must have. Filled in by the controller's half of this module if it is not given.
        type: str
      size:
        description: Size of the program in bytes. Filled in by the controller's half of this module.
        type: int
      goarch:
        description: Architecture of the program, read from its ELF header by the controller's half of this module.
        type: str
      needs:
        description: What the program needs on the host, read from the program by the controller's half of this module. If the host does not
          have it, the module fails before any change. If a library is not found, the module warns.
        type: dict
        suboptions:
          machine:
            description: The machine in the ELF header.
            type: int
            required: true
          wide:
            description: Whether it is a 64-bit program.
            type: bool
            required: true
          order:
            description: Byte order, little or big endian.
            type: str
            choices: ["<", ">"]
            required: true
          settings:
            description: The settings of the build whose names begin with C(GO), for example C(GOAMD64).
            type: dict
            default: {}
          interpreter:
            description: Path of the dynamic loader in the program.
            type: str
          libraries:
            description: The shared libraries that the program names (C(DT_NEEDED)).
            type: list
            elements: str
            default: []
          search:
            description: The directories that the program adds to the search for its libraries (C(DT_RUNPATH) or C(DT_RPATH)).
            type: list
            elements: str
            default: []
          symbols:
            description: The symbol versions that each library must define, by library.
            type: dict
            default: {}
      artefact:
        description: Path on the host to which the program was sent. Filled in by the controller's half of this module.
        type: path
      delta:
        description: Whether it was sent as a delta from the program that is on the host. Filled in by the controller's half of this module.
        type: bool
        default: false
      guess:
        description: Merkle root of the program that the delta starts from, if the controller assumed it without asking the host. Filled in by the
          controller's half of this module.
        type: str
  root:
    description: Directory of the release stores, with one directory for each program.
    type: path
    default: /opt/gofleet
  keep:
    description: How many versions of each program to keep. The current and the previous version are always kept.
    type: int
    default: 3
  switch:
    description: Whether to make the version current as well. Use V(false) if another module switches to it and checks its health in one
      step, as M(gofleet.hosts.systemd_units) does.
    type: bool
    default: false
seealso:
  - module: gofleet.hosts.systemd_units
"""

EXAMPLES = r"""
---
- name: Install a program built from sources near the playbook
  gofleet.hosts.release:
    releases:
      - name: hello
        build:
          directory: "{{ playbook_dir }}/../examples/hello"
          ldflags: -s -w
        files:
          - path: etc/hello.json
            content: "{{ {'greeting': 'hello'} | to_nice_json }}"
          - path: etc/routes.txt
            src: files/routes.txt

- name: Install a program that is already built, with a version label, and make it current
  gofleet.hosts.release:
    switch: true
    releases:
      - name: api
        version: 1.4.2
        file: dist/api-linux-amd64
"""

RETURN = r"""
releases:
  description: Content of the store after the run, by name of the program.
  returned: success
  type: dict
  sample:
    hello:
      version: 9f2b6a1c0d3e
      sha256: 9f2b6a1c0d3e5a7788aa0f4c1f0f2f6f6c2d1b0a99887766554433221100ffee
      path: /opt/gofleet/hello
      executable: /opt/gofleet/hello/current/hello
      bytes_sent: 24133
      method: bsdiff
      hint: null
      program: {go_version: go1.27.3, sees_cpu_quota: true, interpreter: null, libraries: [], search: []}
  contains:
    version:
      description: Label of the version, computed from the content if none was given.
      type: str
    sha256:
      description: SHA-256 of the program.
      type: str
    path:
      description: Path of the program's store.
      type: str
    executable:
      description: Path of the program in the current version.
      type: str
    bytes_sent:
      description: Bytes that were sent for this release.
      type: int
    method:
      description: Method by which the program was sent, V(none), V(same), V(bsdiff), V(chunks) or V(whole).
      type: str
    hint:
      description: How to build the program so that fewer bytes are sent, V(null) if there is no suggestion.
      type: str
    program:
      description: What the program file contains about itself. C(sees_cpu_quota) is whether C(GOMAXPROCS) follows the CPU quota of its cgroup,
        which needs Go 1.25 or newer and at least C(go 1.25) in C(go.mod). C(interpreter), C(libraries) and C(search) are for the dynamic loader.
      type: dict
pruned:
  description: Old versions that were removed, each as name and version separated by a space.
  returned: success
  type: list
  elements: str
  sample: [hello 1c0d3e9f2b6a]
missing:
  description: Programs that the host does not have yet, in a run that only compares.
  returned: success
  type: list
  elements: str
  sample: []
bytes_sent:
  description: Bytes sent to the host for programs, including a rejected delta.
  returned: success
  type: int
  sample: 24133
olds:
  description: Older programs on the host from which a delta can start. Only the controller's half of this module sees it.
  returned: in the first of two runs on the host
  type: dict
  sample: {}
differs:
  description: Whether the host was, or in check mode is, unlike what was asked for. The task cannot override it with C(changed_when).
  returned: success
  type: bool
  sample: false
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._converge import converge
from ..module_utils._errors import HostError
from ..module_utils._release.plan import plan_releases, release_spec


def main() -> None:
    module = AnsibleModule(argument_spec=release_spec(), supports_check_mode=True)
    try:
        plan = plan_releases(
            module.params["releases"],
            root=module.params["root"],
            keep=module.params["keep"],
            switch=module.params["switch"],
            machine=os.uname().machine,
        )
        converge(module, plan)
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
