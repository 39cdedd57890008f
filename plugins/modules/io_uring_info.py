#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: io_uring_info
short_description: Whether io_uring can be used on a host, by whom, and which layer decided it
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Makes rings with C(io_uring_setup(2)), asks them what they can do, and closes them.
  - Where a ring is refused, tells apart the kernel, the setting C(kernel.io_uring_disabled), a seccomp filter, AppArmor and
    the limit of locked memory, all of which say little more than C(EPERM) or C(ENOMEM), and says what to set.
  - The answers are those for the identity that the module runs as, or for O(identity).
  - The Go runtime does not use io_uring. Its network poller is epoll, in every release. This module is for programs that bring
    a ring library of their own, and for policies that want it off.
options:
  identity:
    description:
      - Ask as another identity, in a transient service of systemd that ends with the answer. Needs the superuser.
      - An empty dictionary is a user of its own without any capability, as C(DynamicUser=yes) gives.
    type: dict
    suboptions:
      unit:
        description:
          - A service of this host. Its user, groups, capabilities, limits, namespaces and system call filter apply.
          - C(identity.not_carried) names what of the unit does not.
        type: str
      user:
        description: A user of this host.
        type: str
      capabilities:
        description:
          - Capabilities to have, and none beside them, for O(identity.user) too when that is the superuser.
          - Names with or without C(CAP_).
        type: list
        elements: str
        default: []
      limit_memlock:
        description: Limit of locked memory as C(LimitMEMLOCK=) of systemd takes it, such as V(64K) or V(infinity).
        type: str
notes:
  - There is no version number of io_uring and no file in C(/proc) that tells its availability. Features are bits, operations are opcodes.
  - systemd's C(SystemCallFilter=@system-service) allows io_uring.
  - C(decided_by=sysctl) needs Linux 6.6 or newer, where C(kernel.io_uring_disabled) begins.
  - Rings are charged to the limit of locked memory before Linux 5.12 and again from 6.14, registered buffers always.
    RV(charged_rings) tells what this kernel does.
  - For a moment up to 64 MiB of memory are locked, and never more than an eighth of what is available.
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

- name: Say who forbids it, and what to do
  ansible.builtin.debug:
    msg: "io_uring: {{ ring.decided_by }}: {{ ring.reason }}. {{ ring.advice }}"
  when: ring.usable != "yes"

- name: Require an operation
  ansible.builtin.assert:
    that:
      - ring.usable == "yes"
      - ring.opcodes.SEND_ZC

- name: Ask as a service of this host
  gofleet.hosts.io_uring_info:
    identity:
      unit: hello.service

- name: Ask as a user without capabilities who may lock 64 KiB
  gofleet.hosts.io_uring_info:
    identity:
      user: www-data
      limit_memlock: 64K
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
advice:
  description: What to set so that it can be used, or used for more. V(null) where where is nothing to do.
  returned: success
  type: str
  sample: Set kernel.io_uring_disabled to 0, or to 1 with kernel.io_uring_group at the number of the service's group.
go:
  description: What this means for Go programs, the same on every host.
  returned: success
  type: str
  sample: "The Go runtime does not use io_uring: its poller is epoll in every release."
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
registers:
  description: Each operation of C(io_uring_register(2)) and whether this kernel has it. V(null) where the kernel did not tell.
  returned: success
  type: dict
  sample: {BUFFERS: true, PBUF_RING: true, QUERY: false}
limits:
  description: Entries of the largest rings. V(null) where none that large could be made.
  returned: success
  type: dict
  sample: {sq_entries: 32768, cq_entries: 65536}
registered_buffers:
  description:
    - Whether memory can be registered with a ring, and how much. V(null) where no ring could be made.
    - C(registered_buffers.registered_bytes) is the most that worked of C(registered_buffers.tried_bytes), found to the page. It is
      less than the limit by what the user has locked already.
    - C(registered_buffers.limit_bytes) is the limit, V(null) where none counts, and C(registered_buffers.exempt) tells whether
      that is because of CAP_IPC_LOCK.
  returned: success
  type: dict
  sample:
    answer: "yes"
    decided_by: kernel
    reason: registered 57344 bytes; RLIMIT_MEMLOCK and what the user has locked already forbid more
    limit_bytes: 65536
    registered_bytes: 57344
    tried_bytes: 69632
    exempt: false
charged_rings:
  description: Whether this kernel charges rings to the limit of locked memory, tried as a user who is not exempt.
  returned: success
  type: dict
  sample: {answer: "yes", decided_by: kernel, reason: no ring can be made with RLIMIT_MEMLOCK at 0}
sysctl:
  description: The settings under C(kernel.) that govern io_uring. V(null) where the kernel does not have one.
  returned: success
  type: dict
  sample: {io_uring_disabled: 0, io_uring_group: -1, apparmor_restrict_unprivileged_io_uring: null}
memlock:
  description: Limit of locked memory of the process that asked, in bytes. V(null) means unlimited.
  returned: success
  type: dict
  sample: {soft: 8388608, hard: 8388608}
identity:
  description:
    - Who was asked for, V(null) without O(identity).
    - C(identity.not_carried) are settings of the unit that did not apply to the one who asked, C(identity.not_given) capabilities that
      systemd does not have itself, as in a container.
  returned: success
  type: dict
  sample:
    unit: hello.service
    user: null
    capabilities: []
    limits: {}
    not_carried: [AppArmorProfile=gofleet.hello, ProtectSystem=strict]
    not_given: []
caller:
  description:
    - Who asked. C(seccomp) is 2 under a filter, C(capabilities) is the effective set, C(groups) are numbers.
    - C(user_namespace) tells that capabilities do not count for the whole host.
  returned: success
  type: dict
  sample:
    uid: 0
    groups: [0]
    capabilities: "0x000001ffffffffff"
    seccomp: 0
    apparmor: unconfined
    user_namespace: false
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._errors import HostError
from ..module_utils._io_uring.advice import GO, advice
from ..module_utils._io_uring.info import query
from ..module_utils._probe.identity import IDENTITY_SPEC, identity_of, run_as
from ..module_utils._run import host_runner


def main() -> None:
    module = AnsibleModule(argument_spec={"identity": IDENTITY_SPEC}, supports_check_mode=True)
    try:
        identity = identity_of(module.params["identity"])
        if identity is None:
            answer = {**query(), "identity": None}
        else:
            answer = run_as(identity, run=host_runner(module), function="_io_uring.info:query", arguments={})
        module.exit_json(changed=False, **answer, advice=advice(answer), go=GO)
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
