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
  - Makes a file or a directory on the host equal to the one on the controller. The controller sends a delta to the content that the
    host has. For each file that differs, it uses the method that sends the fewest bytes. The methods are the same bytes from another
    place in the old tree, a binary patch (bsdiff), the new chunks, and the whole file compressed.
  - Works over any connection, and needs only Python on the host.
  - The new content is built beside the old content, checked by its Merkle root, flushed to disk, and put into place by one rename. An
    existing directory is exchanged in one step. So either the old tree or the new tree is in place, never a mixture of their files. A
    run that fails or is killed leaves the old content.
  - A large delta is sent in pieces. Each takes about ten seconds at the measured speed of the connection. After a lost connection, the
    next run continues with the piece that was interrupted.
  - If a delta arrives damaged, or no longer fits because the content on the host changed in the meantime, the whole content is sent
    once.
  - An unchanged run takes one round trip and sends nothing. The next version also takes one round trip if the controller remembers what
    it sent last and the delta fits into one piece. If the host has other content by then, it reports this and gets another delta.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
  - gofleet.hosts._attributes.controller
notes:
  - Patches need the Python package C(bsdiff4) and a copy of the host's old content, both on the controller. The controller keeps the
    content that it has sent, up to 4 GiB, in C(~/.cache/gofleet/delta). O(seeds) names more content. A delta is made once for a whole
    fleet. Without the package, for content that the controller never had, or for files of more than 64 MiB, chunks are used instead.
  - The delta of a program is smallest if its debugging information is not compressed. RV(hint) says when that would help.
  - Names, bytes, the executable bit and the targets of links are content. A directory gets exactly the content of O(src), and other
    files in it are removed. Times are not copied, and files that are encrypted by Ansible Vault are not decrypted.
  - The host needs disk space for the new content beside the old content. Until the run ends, the new content is in a directory
    C(.NAME.gofleet) beside O(dest), which only the user of the task can enter.
  - Unlike in M(ansible.builtin.copy), O(dest) is the path of the copy itself. It is a directory for the copy only if it ends with a
    slash and O(src) is a file. There are no options C(backup), C(follow) and C(remote_src).
options:
  src:
    description:
      - A file or a directory on the controller. Relative paths start at C(files) of the role or the play.
      - Links in the directory must have their targets inside it. Devices, pipes and sockets are refused.
    type: path
    required: true
  dest:
    description:
      - The path on the host. The parent directory must exist. To replace a directory, it must be on a file system that can exchange
        two directories in one step, such as ext4, xfs, btrfs and tmpfs.
      - A link at this path is refused, not followed. A mount point at this path or below it is also refused.
    type: path
    required: true
  seeds:
    description:
      - Files or directories on the controller that hosts may already have, such as the version in their image. They make patches
        possible for hosts whose content was not sent by this controller.
    type: list
    elements: path
    default: []
  owner:
    description: Owner, by name or number. The default is the owner of the existing content, or the user of the task if there is none.
    type: str
  group:
    description: Group, by name or number. The default is chosen as for O(owner).
    type: str
  mode:
    description:
      - Permissions of files, as an octal number in quotes. Symbolic modes are not accepted.
      - In a tree, the executable bit is content. A file that is executable in O(src) can be executed by everybody who can read it. Other
        files are not executable, whatever the digits are.
      - By default, a single file keeps the permissions of the existing file. A new file, and a file in a tree, gets V("0755") if the source
        is executable, otherwise V("0644").
    type: raw
  directory_mode:
    description:
      - Permissions of directories, as an octal number in quotes.
      - By default, O(dest) keeps the permissions of the existing directory, and other directories get V("0755").
    type: raw
  seuser:
    description:
      - User of the SELinux context.
      - The default is the user in the context of the replaced file, or the one that the host's policy sets for a new path.
    type: str
  serole:
    description: Role of the SELinux context, with a default as for O(seuser).
    type: str
  setype:
    description: Type of the SELinux context, with a default as for O(seuser).
    type: str
  selevel:
    description: Level of the SELinux context, with a default as for O(seuser).
    type: str
  validate:
    description:
      - A command that must succeed before the new content is put into place. It must contain V(%s), which is replaced by the path of
        the new content. It runs without a shell.
    type: str
  rate_limit:
    description:
      - The highest average rate of sending, in bytes per second.
      - The pieces are made smaller for it, down to 1 MiB. Each piece is sent at the full speed of the connection, followed by a pause.
    type: int
  content:
    description: Merkle root and kind of the source. Filled in by the controller's half of this module.
    type: dict
    suboptions:
      root:
        description: The Merkle root.
        type: str
        required: true
      is_tree:
        description: Whether the source is a directory.
        type: bool
        required: true
  known:
    description: Merkle roots of the content that the controller keeps. Filled in by the controller's half of this module.
    type: list
    elements: str
    default: []
  delta:
    description: A piece of a delta on the host. Filled in by the controller's half of this module.
    type: dict
    suboptions:
      path:
        description: Path of the piece on the host.
        type: path
        required: true
      offset:
        description: Offset of the piece in the delta, in bytes.
        type: int
        required: true
      length:
        description: Size of the piece in bytes.
        type: int
        required: true
      size:
        description: Size of the whole delta in bytes.
        type: int
        required: true
      sha256:
        description: SHA-256 of the whole delta.
        type: str
        required: true
      old:
        description: Merkle root of the content that the delta starts from. Not set if the delta contains everything.
        type: str
      guessed:
        description: Whether the controller assumed that content without asking the host.
        type: bool
        default: false
seealso:
  - module: gofleet.hosts.release
  - module: ansible.builtin.copy
"""

EXAMPLES = r"""
---
- name: Copy a tree of static files
  gofleet.hosts.delta_copy:
    src: site/
    dest: /srv/www/site
    owner: www-data
    group: www-data

- name: Copy a large file over a slow connection, and check it before it is put into place
  gofleet.hosts.delta_copy:
    src: geo.mmdb
    dest: /var/lib/geo/geo.mmdb
    mode: "0640"
    rate_limit: 500000
    validate: /usr/local/bin/geo-check %s
"""

RETURN = r"""
dest:
  description: Path of the content on the host.
  returned: success
  type: str
  sample: /srv/www/site
root:
  description: Merkle root of the content, by RFC 6962 with SHA-256. The root of a file is computed over its chunks.
  returned: success
  type: str
  sample: 19d960347a68651806c24e3978099f8475c60ca08cb667b84575be0df55db09c
old_root:
  description: Merkle root of the earlier content, V(null) if there was none.
  returned: when the content differed
  type: str
  sample: b9df61771ee6dde128f4dd350498ebf6b4191f8d5d8fe22c5a2f941bd6c82e5a
methods:
  description: Number of files sent by each method. Unchanged files are not counted. C(same) counts files that were moved.
  returned: when the content differed
  type: dict
  sample: {bsdiff: 76}
bytes_sent:
  description: Bytes of the delta that were sent. Not counted are the runs on the host, with about 0.1 MB each, and the host's description of
    content that the controller does not know, with 16 bytes for each 16 KiB.
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
  description: Bytes of the new content that were copied from the earlier content on the host.
  returned: when the content was replaced
  type: int
  sample: 215241256
bytes_whole:
  description: Size of all files in bytes, which a plain copy would send.
  returned: success
  type: int
  sample: 215380842
hint:
  description: How to make the next delta smaller, V(null) if there is no suggestion.
  returned: when the content differed
  type: str
  sample: null
differs:
  description: Whether the host was, or in check mode is, unlike what was asked for. The task cannot override it with C(changed_when).
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
