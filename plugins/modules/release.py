#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release
short_description: Ship programs into a versioned release store
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Puts programs that lie on the controller, or are built there, into C(<root>/<name>/<version>/<name>) on the host.
  - A program is sent only if the host does not have it. It is staged beside its place, compared by SHA-256, and renamed into it,
    so a version is there whole or not at all. Which version runs is the link C(<root>/<name>/current).
  - A host that has an older version gets what differs from it. The controller keeps what it shipped, to make a small patch of it;
    where it does not have the old program, the host tells checksums of its parts. A delta that is refused is followed by the whole program, once.
  - Before anything is changed, in check mode too, the program is held against the host. Its architecture, processor level (C(GOAMD64), C(GOARM64)),
    dynamic loader and glibc must fit.
  - An unchanged run is one round trip with no bytes sent. So is the next build, where the controller remembers what the host was left with.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
  - gofleet.hosts._attributes.controller
notes:
  - In check mode programs are still built on the controller, because only the build tells whether the host has it already.
options:
  releases:
    description: The programs, each in one version.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the program and of its folder in the store.
        type: str
        required: true
      version:
        description: Label of this version. A label never changes its content; the same label with other content is refused.
          Left out, it is the first 12 digits of the SHA-256 of the program, or of program and files.
        type: str
        default: ""
      file:
        description: A built program on the controller. Relative paths start at the playbook. One of O(releases[].file) and O(releases[].build) is needed.
        type: path
      build:
        description: Build the program on the controller with the Go tool, static and without local paths.
        type: dict
        suboptions:
          directory:
            description: The Go module on the controller. Relative paths start at the playbook.
            type: path
            required: true
          package:
            description: The main package in it.
            type: str
            default: "."
          goarch:
            description: Processor architecture of the host, as Go names it.
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
            description: The Go tool on the controller, a name on its PATH or a path.
            type: str
            default: go
      files:
        description:
          - Further files of the release, such as its configuration, in the same directory as the program. They are part of the version.
            A changed file is a new release, and going back brings the old files back too.
          - Together at most 1 MiB. The difference shows their text, but not that of files which others on the host may not read (as V("0640")).
            For secrets use credentials of the service instead.
        type: list
        elements: dict
        default: []
        suboptions:
          path:
            description: Where the file goes, in the directory of the release, for example V(etc/app.yml).
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
        description: SHA-256 the program must have. The controller's half of this module fills it in where it is left out.
        type: str
      size:
        description: Size of the program in bytes. Filled in by the controller's half of this module.
        type: int
      goarch:
        description: Architecture of the program, read from its ELF header by the controller's half of this module.
        type: str
      needs:
        description: What the program needs of the host, read from it by the controller's half of this module. A host that does not have it
          is refused before anything is changed. A library that is not found is a warning.
        type: dict
        suboptions:
          machine:
            description: The machine in the ELF header.
            type: int
            required: true
          wide:
            description: Whether the program is a 64-bit one.
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
            description: The dynamic loader that it names.
            type: str
          libraries:
            description: The shared libraries that it names.
            type: list
            elements: str
            default: []
          search:
            description: Where it tells the loader to look for them.
            type: list
            elements: str
            default: []
          symbols:
            description: By library, the versions that the library must define.
            type: dict
            default: {}
      artefact:
        description: Where the program was sent to on the host. Filled in by the controller's half of this module.
        type: path
      delta:
        description: Whether it was sent as a delta from the program that is on the host. Filled in by the controller's half of this module.
        type: bool
        default: false
      guess:
        description: Root of the program that the delta starts from, if the host was not asked for it. Filled in by the controller's half.
        type: str
  root:
    description: Directory of the release stores, one folder a program.
    type: path
    default: /opt/gofleet
  keep:
    description: How many versions of each program to keep. The current and the previous one always stay.
    type: int
    default: 3
  switch:
    description: Whether to make the version current as well. Leave it V(false) where something else switches and checks health in one
      step, as M(gofleet.hosts.systemd_units) does.
    type: bool
    default: false
seealso:
  - module: gofleet.hosts.systemd_units
"""

EXAMPLES = r"""
---
- name: Ship a program built from the sources beside the playbook
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

- name: Ship a built program under its own version and make it current
  gofleet.hosts.release:
    switch: true
    releases:
      - name: api
        version: 1.4.2
        file: dist/api-linux-amd64
"""

RETURN = r"""
releases:
  description: What the store holds after the run, by name of the program.
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
      description: The version, a label out of all content where none was given.
      type: str
    sha256:
      description: SHA-256 of the program.
      type: str
    path:
      description: The store.
      type: str
    executable:
      description: The program of the version in use.
      type: str
    bytes_sent:
      description: Bytes that were sent for this release.
      type: int
    method:
      description: How they were made, V(none), V(same), V(bsdiff), V(chunks) or V(whole).
      type: str
    hint:
      description: How to build the program so that less is sent. V(null) where there is nothing to say.
      type: str
    program:
      description: What the program says of itself. C(sees_cpu_quota) is whether C(GOMAXPROCS) follows the CPU quota of its cgroup, which takes
        Go 1.25 and a go line in C(go.mod) that is no older. C(interpreter), C(libraries) and C(search) are for the dynamic loader.
      type: dict
pruned:
  description: Old versions that were removed, as name and version.
  returned: success
  type: list
  elements: str
  sample: [hello 1c0d3e9f2b6a]
missing:
  description: Programs the host does not have yet, in a run that only compares.
  returned: success
  type: list
  elements: str
  sample: []
bytes_sent:
  description: Bytes sent to the host for programs, those of a refused delta too.
  returned: success
  type: int
  sample: 24133
olds:
  description: What the host has of programs that it asks for. Only the controller's half of this module sees it.
  returned: in the first of two runs on the host
  type: dict
  sample: {}
differs:
  description: Whether host and wish differ, also where C(changed) was overridden.
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
