#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sysctl_profile
short_description: Sets kernel values that never make a host worse, all in one run
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Compares a list of kernel settings with the values in force below C(/proc/sys), sets those that are not good enough,
    and keeps them for the next boot in one file of its own.
  - A value that is already better than the wanted one is kept. It is listed in RV(kept), and nothing is written for it.
  - A key that this kernel lacks or that cannot be set here, as in a container, is listed in RV(unknown) with the
    reason. That is neither an error nor a change.
  - The values are written to C(/proc/sys) directly, after the file is in place. If the kernel refuses one, the file and all values
    are put back.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
options:
  settings:
    description:
      - The settings, each name once. The file holds no other key, so a setting that is taken out of the list leaves the file too.
        Its live value stays until the next boot.
      - Needed for O(state=present). An empty list leaves no file.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - One key, such as V(net.core.somaxconn). As in C(sysctl.d), the first separator decides. A name that starts with slashes keeps
            its dots, as V(net/ipv4/conf/eth0.100/rp_filter) needs.
        type: str
        required: true
      value:
        description:
          - The value, in the unit of the key. A key with several fields takes them separated by blanks.
        type: str
        required: true
      rule:
        description:
          - V(at_least) only raises, V(at_most) only lowers, each field by itself. V(exactly) sets the value whatever was there.
        type: str
        choices: [at_least, at_most, exactly]
        default: at_least
  path:
    description:
      - The file for the next boot, in one of the C(sysctl.d) directories. Of all files there, sorted by name, the last one wins.
      - A file that this module has not written is refused.
    type: path
    default: /etc/sysctl.d/60-gofleet.conf
  state:
    description:
      - V(absent) removes the file. The live values stay until the next boot, since the former ones are not known.
    type: str
    choices: [present, absent]
    default: present
notes:
  - For the rules V(at_least) and V(at_most) the file has a line for a key only if the next boot would be worse without it. That is
    when the value had to be changed, when the file has the key already, or when another file gives a value that is not good enough.
    The line holds the value that is live after the run.
  - A value that was good enough before the first run gets no line, because it may be the kernel's own default for the size of this
    host, and a line would lower it. If it was set by hand and is gone after a boot, the next run sets it and writes the line.
  - C(/etc/sysctl.conf) counts only where a link in C(/etc/sysctl.d) names it, since systemd reads it in no other case.
seealso:
  - name: sysctl.d(5)
    description: Names, patterns and the order of the files.
    link: https://www.freedesktop.org/software/systemd/man/latest/sysctl.d.html
"""

EXAMPLES = r"""
- name: Let busy listeners queue more connections
  gofleet.hosts.sysctl_profile:
    settings:
      - name: net.core.somaxconn
        value: 16384
      - name: net.ipv4.tcp_rmem
        value: 4096 131072 16777216
      - name: net/ipv4/conf/eth0.100/rp_filter
        value: 2
        rule: exactly

- name: Leave the next boot to the other files
  gofleet.hosts.sysctl_profile:
    state: absent
"""

RETURN = r"""
applied:
  description: The live values that were set, or would be in check mode.
  returned: success
  type: list
  elements: dict
  sample: [{name: net.core.somaxconn, before: "4096", after: "16384"}]
kept:
  description: The keys whose live value differs from the wanted one and is good enough by the rule.
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
      description: The layer that lacks the key or hides it.
      returned: success
      type: str
    reason:
      description: One sentence.
      returned: success
      type: str
overridden_by:
  description: The keys for which another file wins at the next boot with a value that is not good enough. Each also gives a warning.
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
