#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: delta_copy
short_description: Copy a file or a tree, and send only what the host does not have
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Makes a file or a directory on the host equal to the one on the controller. What goes over the line is a delta to what the host
    has. For each file that differs it takes the cheapest of four ways, the same bytes from elsewhere in the old tree, a binary patch
    (bsdiff), the chunks that are new, or all of it compressed.
  - Works over any connection, and needs nothing on the host but Python.
  - The new content is made beside the old one, compared by its Merkle root, flushed to disk, and put into place by one rename. A
    directory that is there is exchanged in one step, so that there is always either the old tree or the new one, and the files in a
    tree always belong together. A run that fails or is killed leaves the old content.
  - A large delta goes in pieces, each about ten seconds' worth of the line as it was measured. When the line is cut, the next run goes
    on with the piece that was cut.
  - A delta that does not arrive whole, or no longer fits because the content on the host changed in between, is followed once by all
    of the content.
  - An unchanged run is one round trip with nothing sent. So is a next version, where the controller remembers what it left there and
    the delta goes in one piece; a host that has something else by then tells, and gets another delta.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
  - gofleet.hosts._attributes.controller
notes:
  - Patches need the Python package C(bsdiff4) on the controller, and there the content that the host has. The controller keeps what it
    has sent, up to 4 GiB, in C(~/.cache/gofleet/delta); O(seeds) names more. A delta is made once for a whole fleet. Without the
    package, for content that the controller never had, or for files of more than 64 MiB, chunks are the cheapest way.
  - A program shrinks best as a delta when its debugging information is not compressed; RV(hint) says when that would help.
  - Names, bytes, the executable bit and the targets of links are content. A directory gets exactly what O(src) has, other files in it
    go. Times are not copied, and files that are encrypted by Ansible Vault stay so.
  - The host needs room for the new content beside the old one. Until the run ends, it is in a directory C(.NAME.gofleet) beside
    O(dest), which only the user of the task can enter.
  - Against M(ansible.builtin.copy), O(dest) is the thing itself, never a directory to put it into, unless it ends with a slash and
    O(src) is a file. There are no C(backup), C(follow) and C(remote_src).
options:
  src:
    description:
      - A file or a directory on the controller. Relative paths start at C(files) of the role or the play.
      - Links in it must stay inside it. Devices, pipes and sockets are refused.
    type: path
    required: true
  dest:
    description:
      - Where it goes on the host. The directory that holds it must be there, and be on a file system that can exchange two
        directories in one step, such as ext4, xfs, btrfs and tmpfs, if a directory is to be replaced.
      - A link in this place is refused, not followed. So is a place with a file system mounted on it or in it.
    type: path
    required: true
  seeds:
    description:
      - Files or directories on the controller that are what a host may have, such as the version that came with its image. Patches can
        then be made for hosts whose content was never sent from here.
    type: list
    elements: path
    default: []
  owner:
    description: Owner, by name or number. If not given, the one who owns what is there, and else the user who runs the task.
    type: str
  group:
    description: Group, by name or number. As with O(owner) if not given.
    type: str
  mode:
    description:
      - Permissions of files, as an octal number in quotes. Symbolic modes are not taken.
      - In a tree, what may be executed is content. So a file there that O(src) has as executable may be executed by all who may read
        it, and no other file may, whatever the digits say.
      - If not given, a file keeps those of the one that is there; a new one, and those in a tree, get V("0755") where the source is
        executable, and V("0644") else.
    type: raw
  directory_mode:
    description:
      - Permissions of directories, in the same form.
      - If not given, O(dest) keeps those of the directory that is there, and others get V("0755").
    type: raw
  seuser:
    description:
      - User of the SELinux context.
      - If not given, that of the file which is replaced, and for new names the one that the host's policy has for them.
    type: str
  serole:
    description: Role of the SELinux context, as with O(seuser) if not given.
    type: str
  setype:
    description: Type of the SELinux context, as with O(seuser) if not given.
    type: str
  selevel:
    description: Level of the SELinux context, as with O(seuser) if not given.
    type: str
  validate:
    description:
      - A command that must succeed before the new content is put into place. V(%s) in it is the path of the new content, and must be
        there. It runs without a shell.
    type: str
  rate_limit:
    description:
      - Bytes a second that the sending may take in the mean.
      - The pieces get smaller to fit, down to 1 MiB. Each piece goes as fast as the line allows, with a pause after it.
    type: int
  content:
    description: Root and kind of the source. Filled in by the controller's half of this module.
    type: dict
    suboptions:
      root:
        description: The Merkle root.
        type: str
        required: true
      is_tree:
        description: Whether it is a directory.
        type: bool
        required: true
  known:
    description: Roots of content that the controller keeps. Filled in by the controller's half of this module.
    type: list
    elements: str
    default: []
  delta:
    description: A piece of a delta on the host. Filled in by the controller's half of this module.
    type: dict
    suboptions:
      path:
        description: Where the piece is.
        type: path
        required: true
      offset:
        description: Where it begins in the delta.
        type: int
        required: true
      length:
        description: Bytes of the piece.
        type: int
        required: true
      size:
        description: Bytes of the whole delta.
        type: int
        required: true
      sha256:
        description: SHA-256 of the whole delta.
        type: str
        required: true
      old:
        description: Root of the content that the delta starts from; none if it brings everything.
        type: str
      guessed:
        description: Whether the host was not asked yet if it has that content.
        type: bool
        default: false
seealso:
  - module: gofleet.hosts.release
  - module: ansible.builtin.copy
"""

EXAMPLES = r"""
---
- name: Ship a tree of static files
  gofleet.hosts.delta_copy:
    src: site/
    dest: /srv/www/site
    owner: www-data
    group: www-data

- name: Ship a large file over a thin line, and check it before it counts
  gofleet.hosts.delta_copy:
    src: geo.mmdb
    dest: /var/lib/geo/geo.mmdb
    mode: "0640"
    rate_limit: 500000
    validate: /usr/local/bin/geo-check %s
"""

RETURN = r"""
dest:
  description: Where the content is on the host.
  returned: success
  type: str
  sample: /srv/www/site
root:
  description: Merkle root of the content, by RFC 6962 with SHA-256. That of a file is over its chunks.
  returned: success
  type: str
  sample: 19d960347a68651806c24e3978099f8475c60ca08cb667b84575be0df55db09c
old_root:
  description: Root of what was there before; null if nothing was.
  returned: when the content differed
  type: str
  sample: b9df61771ee6dde128f4dd350498ebf6b4191f8d5d8fe22c5a2f941bd6c82e5a
methods:
  description: How many files went in which way. Unchanged files are not counted; C(same) are those that have moved.
  returned: when the content differed
  type: dict
  sample: {bsdiff: 76}
bytes_sent:
  description: Bytes of the delta that were sent. The runs on the host come on top, with about 0.1 MB each, and what it tells of content
    that the controller does not know, 16 bytes for each 16 KiB.
  returned: success
  type: int
  sample: 1896485
bytes_resumed:
  description: Bytes of the delta that an earlier run had sent.
  returned: success
  type: int
  sample: 0
bytes_predicted:
  description: Bytes of the delta that would be sent.
  returned: in check mode, when the content differs
  type: int
  sample: 1896485
bytes_reused:
  description: Bytes of the new content that came out of what the host had.
  returned: when the content was replaced
  type: int
  sample: 215241256
bytes_whole:
  description: Bytes of all files, which a plain copy would send.
  returned: success
  type: int
  sample: 215380842
hint:
  description: What would make the next delta smaller; null if nothing is known.
  returned: when the content differed
  type: str
  sample: null
differs:
  description: Whether host and wish differ, also where C(changed) was overridden.
  returned: success
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._converge import converge
from ..module_utils._delta.copy import delta_copy_spec, plan_copy
from ..module_utils._errors import HostError
from ..module_utils._run import host_runner


def main() -> None:
    module = AnsibleModule(argument_spec=delta_copy_spec(), supports_check_mode=True)
    try:
        converge(module, plan_copy(module.params, selinux=module, run=host_runner(module)))
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
