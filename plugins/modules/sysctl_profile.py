#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sysctl_profile
short_description: Set kernel parameters without lowering better values
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Compares a list of kernel settings with the live values below C(/proc/sys), sets those that do not satisfy their rule,
    and writes them into one file for the next boot.
  - Keeps a value that is already better than the wanted one. It is listed in RV(kept), and the file has no line for it.
  - Lists a key that this kernel does not have, or that cannot be set, as in a container, in RV(unknown) with the
    reason. This is neither an error nor a change.
  - Writes the file first and then the values to C(/proc/sys). If the kernel refuses a value, the file and all values are restored.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
options:
  settings:
    description:
      - The settings, each name once. A setting that is removed from the list is removed from the file. Its live value stays until the
        next boot.
      - Required for O(state=present). With an empty list the file is removed.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - One key, such as V(net.core.somaxconn). As in C(sysctl.d), the first separator decides. If it is a slash, dots are part of the
            name, as in V(net/ipv4/conf/eth0.100/rp_filter).
        type: str
        required: true
      value:
        description:
          - The value, in the unit of the key. Separate several fields by blanks.
        type: str
        required: true
      rule:
        description:
          - V(at_least) only raises and V(at_most) only lowers a value, each field separately. V(exactly) sets the value in any case.
        type: str
        choices: [at_least, at_most, exactly]
        default: at_least
  path:
    description:
      - The file for the next boot, in one of the C(sysctl.d) directories. The files are read in the order of their names, and the last
        assignment wins.
      - The module fails on a file that it has not written.
    type: path
    default: /etc/sysctl.d/60-gofleet.conf
  state:
    description:
      - V(absent) removes the file. The live values stay until the next boot, because the former values are not known.
    type: str
    choices: [present, absent]
    default: present
notes:
  - For the rules V(at_least) and V(at_most) the file has a line for a key only if the next boot needs it. This is the case when the
    value was changed, when the file already has the key, or when another file sets a value that does not satisfy the rule.
    The line has the value that is live after the run.
  - A value that satisfied the rule before the first run gets no line. It may be the default of the kernel for the size of this host, and
    a line could lower it later. If it was set by hand and is lost after a boot, the next run sets it and writes the line.
  - C(/etc/sysctl.conf) counts only if a link in C(/etc/sysctl.d) points to it. In other cases systemd does not read it.
seealso:
  - name: sysctl.d(5)
    description: Names, patterns and the order of the files.
    link: https://www.freedesktop.org/software/systemd/man/latest/sysctl.d.html
"""

EXAMPLES = r"""
- name: Allow longer listen queues and larger receive buffers
  gofleet.hosts.sysctl_profile:
    settings:
      - name: net.core.somaxconn
        value: 16384
      - name: net.ipv4.tcp_rmem
        value: 4096 131072 16777216
      - name: net/ipv4/conf/eth0.100/rp_filter
        value: 2
        rule: exactly

- name: Remove the file
  gofleet.hosts.sysctl_profile:
    state: absent
"""

RETURN = r"""
applied:
  description: The live values that were set. In check mode, those that would be.
  returned: success
  type: list
  elements: dict
  sample: [{name: net.core.somaxconn, before: "4096", after: "16384"}]
kept:
  description: The keys whose live value differs from the wanted value and satisfies the rule.
  returned: success
  type: list
  elements: dict
  sample: [{name: vm.max_map_count, live: "1048576", wanted: "262144", rule: at_least}]
unknown:
  description: The keys that cannot be read or set on this host. RV(unknown[].decided_by) is V(kernel), V(namespace) or V(capability).
  returned: success
  type: list
  elements: dict
  sample:
    - name: net.netfilter.nf_conntrack_max
      wanted: "262144"
      decided_by: kernel
      reason: /proc/sys/net/netfilter/nf_conntrack_max does not exist
  contains:
    name:
      description: The name as given.
      returned: success
      type: str
    wanted:
      description: The value as given.
      returned: success
      type: str
    decided_by:
      description: The layer that lacks or hides the key.
      returned: success
      type: str
    reason:
      description: The reason as a sentence.
      returned: success
      type: str
overridden_by:
  description: The keys that another file sets at the next boot to a value that does not satisfy the rule. Each causes a warning.
  returned: success
  type: list
  elements: dict
  sample: [{name: net.core.somaxconn, path: /etc/sysctl.d/99-local.conf, value: "1024"}]
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._converge import converge
from ..module_utils._errors import HostError
from ..module_utils._sysctl.plan import plan_profile
from ..module_utils._sysctl.setting import parse_settings

SETTING = {
    "name": {"type": "str", "required": True},
    "value": {"type": "str", "required": True},
    "rule": {"type": "str", "choices": ["at_least", "at_most", "exactly"], "default": "at_least"},
}
ARGUMENTS = {
    "settings": {"type": "list", "elements": "dict", "options": SETTING},
    "path": {"type": "path", "default": "/etc/sysctl.d/60-gofleet.conf"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        required_if=[("state", "present", ["settings"])],
        supports_check_mode=True,
    )
    try:
        plan = plan_profile(
            parse_settings(module.params["settings"] or []),
            path=module.params["path"],
            state=module.params["state"],
        )
        converge(module, plan)
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
