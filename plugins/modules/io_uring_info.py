#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: io_uring_info
short_description: Whether io_uring can be used on a host, and which layer decided it
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Makes rings with C(io_uring_setup(2)), asks them what they can do, and closes them.
  - Where a ring is refused, tells apart the kernel, the setting C(kernel.io_uring_disabled), a seccomp filter, AppArmor and
    the limit of locked memory, all of which say little more than C(EPERM) or C(ENOMEM).
  - The answers are those for the identity that the module runs as.
  - The Go runtime does not use io_uring. Its network poller is epoll, in every release. This module is for programs that bring
    a ring library of their own, and for policies that want it off.
notes:
  - There is no version number of io_uring and no file in C(/proc) that tells its availability. Features are bits, operations are opcodes.
  - systemd's C(SystemCallFilter=@system-service) allows io_uring. The module sees that only when it runs under the filter itself.
  - C(decided_by=sysctl) needs Linux 6.6 or newer, where C(kernel.io_uring_disabled) begins.
  - Rings are charged to the limit of locked memory before Linux 5.12 and again from 6.14.
seealso:
  - module: gofleet.hosts.kernel_info
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
"""

EXAMPLES = r"""
- name: Ask as the superuser
  gofleet.hosts.io_uring_info:
  register: ring

- name: Say who forbids it
  ansible.builtin.debug:
    msg: "io_uring: {{ ring.decided_by }}: {{ ring.reason }}"
  when: ring.usable != "yes"

- name: Require an operation
  ansible.builtin.assert:
    that:
      - ring.usable == "yes"
      - ring.opcodes.SEND_ZC
"""

RETURN = r"""
usable:
  description: Whether a ring can be made, V(yes), V(no) or V(unknown); the answer of RV(setup) for a plain ring.
  returned: success
  type: str
  sample: "no"
decided_by:
  description: The layer that decided RV(usable).
  returned: success
  type: str
  sample: sysctl
reason:
  description: The same as a sentence.
  returned: success
  type: str
  sample: "EPERM: kernel.io_uring_disabled is 2"
setup:
  description: An answer for each way to make a ring.
  returned: success
  type: dict
  sample:
    plain: {answer: "yes", decided_by: kernel, reason: "tried, it works"}
    no_sqarray: {answer: "no", decided_by: kernel, reason: "EINVAL: this kernel does not know NO_SQARRAY (since Linux 6.6)"}
features:
  description: Feature bits of a ring. V(null) where none could be made.
  returned: success
  type: dict
  sample: {hex: "0x3ff", names: [SINGLE_MMAP, NODROP]}
opcodes:
  description: Each operation and whether this kernel has it. V(null) where the kernel did not tell.
  returned: success
  type: dict
  sample: {NOP: true, SEND_ZC: true, PIPE: false}
limits:
  description: Entries of the largest rings. V(null) where none that large could be made.
  returned: success
  type: dict
  sample: {sq_entries: 32768, cq_entries: 65536}
sysctl:
  description: The settings under C(kernel.) that govern io_uring. V(null) where the kernel does not have one.
  returned: success
  type: dict
  sample: {io_uring_disabled: 0, io_uring_group: -1, apparmor_restrict_unprivileged_io_uring: null}
memlock:
  description: Limit of locked memory of the module's process, in bytes. V(null) means unlimited.
  returned: success
  type: dict
  sample: {soft: 8388608, hard: 8388608}
caller:
  description: Who asked. C(seccomp) is 2 under a filter; C(capabilities) is the effective set.
  returned: success
  type: dict
  sample: {uid: 0, capabilities: "0x000001ffffffffff", seccomp: 0, apparmor: unconfined}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._errors import HostError
from ..module_utils._kernel.host import this_host
from ..module_utils._kernel.io_uring import read_io_uring


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **read_io_uring(this_host()))
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
