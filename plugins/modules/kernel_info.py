#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_info
short_description: What the running kernel can really do
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Finds capabilities of the running kernel by trying them. The release number only explains, it never decides.
  - Each capability has one of three answers, C(yes), C(no) or C(unknown) (the attempt did not tell), and names the layer
    that decided it.
  - The answers are those for the identity that the module runs as. The same host gives others to root, to an unprivileged
    user, and to a service with a seccomp filter.
  - Every attempt is harmless. System calls are made with arguments that they must refuse, or open a descriptor that is closed at once.
options:
  subsets:
    description:
      - What to look at. An empty list means everything.
    type: list
    elements: str
    choices: [release, lsm, cgroup, sysctl, limits, thp, psi, syscalls]
    default: []
notes:
  - A call that is answered with C(ENOSYS) under a seccomp filter is reported as decided by C(seccomp), because a filter may
    answer so for a call that the kernel has.
  - O(subsets=limits) tells the limits of the module's own process. A service has those of its unit.
seealso:
  - module: gofleet.hosts.io_uring_info
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
"""

EXAMPLES = r"""
- name: Read what the kernel can do
  gofleet.hosts.kernel_info:
  register: kernel

- name: Refuse a host without pressure information
  ansible.builtin.assert:
    that: kernel.capabilities.psi.answer == "yes"
    fail_msg: "{{ kernel.capabilities.psi.reason }}"

- name: Read only the settings
  gofleet.hosts.kernel_info:
    subsets: [sysctl, limits]
"""

RETURN = r"""
capabilities:
  description:
    - One answer for each capability of the subsets read.
    - O(subsets=release) has C(btf). O(subsets=lsm) has C(apparmor), C(bpf_lsm), C(landlock), C(unprivileged_userns).
      O(subsets=cgroup) has C(cgroup_v2) and C(cgroup_<controller>). O(subsets=thp) has C(thp), O(subsets=psi) has C(psi).
      O(subsets=syscalls) has one for each system call of its table.
  returned: success
  type: dict
  sample:
    apparmor: {answer: "yes", decided_by: kernel, reason: AppArmor is enabled}
    bpf:
      answer: "no"
      decided_by: sysctl
      reason: "EPERM: kernel.unprivileged_bpf_disabled is 2 and the caller lacks CAP_BPF"
    pidfd_open: {answer: "yes", decided_by: kernel, reason: "tried, it works"}
values:
  description:
    - Plain values, by subset. A value that the kernel does not have is V(null).
    - Sizes are in bytes, pressure averages in percent of time and totals in microseconds. An unlimited limit is V(null).
  returned: success
  type: dict
  sample:
    release: {release: 6.12.48-amd64, machine: x86_64}
    lsm: {active: [capability, landlock, yama, apparmor], lockdown: none}
    cgroup: {mode: unified, controllers: [cpuset, cpu, io, memory, pids]}
    sysctl: {net.core.somaxconn: 4096, vm.max_map_count: 65530}
    limits: {nofile: {soft: 1024, hard: 524288}}
    thp: {enabled: always, defrag: madvise, max_ptes_none: 511}
    psi: {memory: {some: {avg10: 0.0, avg60: 0.0, avg300: 0.0, total: 0.0}}}
    syscalls: {landlock_abi: 6}
caller:
  description: Who asked. C(seccomp) is 2 under a filter; C(capabilities) is the effective set.
  returned: success
  type: dict
  sample: {uid: 0, capabilities: "0x000001ffffffffff", seccomp: 0, apparmor: unconfined}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._errors import HostError
from ..module_utils._kernel.host import this_host
from ..module_utils._kernel.table import SUBSETS, read_kernel


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "subsets": {"type": "list", "elements": "str", "choices": list(SUBSETS), "default": []},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(changed=False, **read_kernel(this_host(), subsets=module.params["subsets"]))
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
