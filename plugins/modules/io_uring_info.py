#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: io_uring_info
short_description: Probe whether an identity can use io_uring, and which layer decides
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Creates rings with C(io_uring_setup(2)), reads their properties, and closes them.
  - Where a ring is refused, finds the layer that refused it and says what to set. The kernel, the setting
    C(kernel.io_uring_disabled), a seccomp filter, AppArmor and the limit of locked memory all return C(EPERM) or C(ENOMEM).
  - The answers apply to the identity that the module runs as, or to O(identity).
  - The Go runtime does not use io_uring. Its network poller is epoll in every release. Use this module for programs with
    their own io_uring library, and for policies that disable io_uring.
options:
  identity:
    description:
      - Probe as another identity, in a transient systemd service. Needs root.
      - An empty dictionary is a dynamic user (C(DynamicUser=yes)) without capabilities.
    type: dict
    suboptions:
      unit:
        description:
          - A service of this host. Its user, groups, capabilities, limits, namespaces and system call filter apply.
          - C(identity.not_carried) lists the settings of the unit that do not apply.
        type: str
      user:
        description: A user of this host.
        type: str
      capabilities:
        description:
          - The only capabilities that the identity has, even if O(identity.user) is root.
          - Names with or without C(CAP_).
        type: list
        elements: str
        default: []
      limit_memlock:
        description: The limit of locked memory, as C(LimitMEMLOCK=) of a unit takes it, such as V(64K) or V(infinity).
        type: str
notes:
  - io_uring has no version number and no file in C(/proc) that shows whether it is available. Features are bits, and
    operations are opcodes.
  - systemd's C(SystemCallFilter=@system-service) allows io_uring.
  - C(decided_by=sysctl) needs Linux 6.6 or newer, which has C(kernel.io_uring_disabled). Kernels of Ubuntu also have
    C(kernel.apparmor_restrict_unprivileged_io_uring).
  - Before Linux 5.12 and since 6.14, the kernel charges rings to the limit of locked memory. It always charges registered
    buffers. RV(charged_rings) shows what this kernel does.
  - The module locks up to 64 MiB of memory for a moment, but at most an eighth of the available memory.
seealso:
  - module: gofleet.hosts.kernel_info
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
"""

EXAMPLES = r"""
- name: Probe as root
  gofleet.hosts.io_uring_info:
  register: ring

- name: Show the layer that refuses it, and what to do
  ansible.builtin.debug:
    msg: "io_uring: {{ ring.decided_by }}: {{ ring.reason }}. {{ ring.advice }}"
  when: ring.usable != "yes"

- name: Require an operation
  ansible.builtin.assert:
    that:
      - ring.usable == "yes"
      - ring.opcodes.SEND_ZC

- name: Probe as a service of this host
  gofleet.hosts.io_uring_info:
    identity:
      unit: hello.service

- name: Probe as a user without capabilities who may lock 64 KiB
  gofleet.hosts.io_uring_info:
    identity:
      user: www-data
      limit_memlock: 64K
"""

RETURN = r"""
usable:
  description: Whether a ring can be created, V(yes), V(no) or V(unknown). It is the answer of RV(setup) for a plain ring.
  returned: success
  type: str
  sample: "no"
decided_by:
  description: The layer that decided RV(usable).
  returned: success
  type: str
  sample: sysctl
reason:
  description: The reason for RV(usable).
  returned: success
  type: str
  sample: "EPERM: kernel.io_uring_disabled is 2"
advice:
  description: What to change so that io_uring can be used, or used with larger rings. V(null) where no change is needed.
  returned: success
  type: str
  sample: Set kernel.io_uring_disabled to 0, or set it to 1 and kernel.io_uring_group to the group number of the service.
go:
  description: What the answers mean for Go programs. The text is the same on every host.
  returned: success
  type: str
  sample: "The Go runtime does not use io_uring: its poller is epoll in every release."
setup:
  description: An answer for each way to create a ring.
  returned: success
  type: dict
  sample:
    plain: {answer: "yes", decided_by: kernel, reason: "tried, it works"}
    no_sqarray: {answer: "no", decided_by: kernel, reason: "EINVAL: this kernel does not know NO_SQARRAY (since Linux 6.6)"}
features:
  description: The feature bits of a ring. V(null) where no ring could be created.
  returned: success
  type: dict
  sample: {hex: "0x3ff", names: [SINGLE_MMAP, NODROP]}
opcodes:
  description: Whether this kernel has each operation. V(null) where the kernel did not answer.
  returned: success
  type: dict
  sample: {NOP: true, SEND_ZC: true, PIPE: false}
registers:
  description: Whether this kernel has each operation of C(io_uring_register(2)). V(null) where the kernel did not answer.
  returned: success
  type: dict
  sample: {BUFFERS: true, PBUF_RING: true, QUERY: false}
limits:
  description: The number of entries of the largest rings. V(null) where no ring of that size could be created.
  returned: success
  type: dict
  sample: {sq_entries: 32768, cq_entries: 65536}
registered_buffers:
  description:
    - Whether memory can be registered with a ring, and how much. V(null) where no ring could be created.
    - C(registered_buffers.registered_bytes) is the largest size that worked, to the page, of at most
      C(registered_buffers.tried_bytes). It is the limit less the memory that the user has locked already.
    - C(registered_buffers.limit_bytes) is the limit, V(null) where none applies. C(registered_buffers.exempt) is true where
      CAP_IPC_LOCK exempts the caller.
  returned: success
  type: dict
  sample:
    answer: "yes"
    decided_by: kernel
    reason: registered 57344 bytes; RLIMIT_MEMLOCK and the memory already locked by the user allow no more
    limit_bytes: 65536
    registered_bytes: 57344
    tried_bytes: 69632
    exempt: false
charged_rings:
  description: Whether this kernel charges rings to the limit of locked memory. It is probed as a user who is not exempt.
  returned: success
  type: dict
  sample: {answer: "yes", decided_by: kernel, reason: "no ring can be created with RLIMIT_MEMLOCK=0"}
sysctl:
  description: The settings under C(kernel.) that restrict io_uring. V(null) for a setting that the kernel does not have.
  returned: success
  type: dict
  sample: {io_uring_disabled: 0, io_uring_group: -1, apparmor_restrict_unprivileged_io_uring: null}
memlock:
  description: The limit of locked memory of the probing process, in bytes. V(null) means unlimited.
  returned: success
  type: dict
  sample: {soft: 8388608, hard: 8388608}
identity:
  description:
    - The identity of the option O(identity), V(null) without it.
    - C(identity.not_carried) are the settings of the unit that did not apply to the probe. C(identity.not_given) are the
      capabilities that systemd could not grant because it does not have them, as in a container.
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
    - The identity that was probed. C(seccomp) is 2 under a filter. C(capabilities) is the effective set. C(groups) are numbers.
    - C(user_namespace) is true in a user namespace, where capabilities do not apply to the whole host.
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
