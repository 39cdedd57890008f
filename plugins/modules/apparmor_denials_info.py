#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: apparmor_denials_info
short_description: Report AppArmor denials and propose rules that would allow them
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Reads and counts the denials of profiles in the log of the audit daemon, the journal or the log of the kernel. In complain mode these
    are the accesses that enforce mode would have denied.
  - Proposes rules that would allow them. A rule allows only what was denied, but process and thread IDs, the paths C(/proc), C(/sys) and
    C(/run), and the version in the path of a release become variables or patterns. A rule that a person should review is marked with
    the reason.
  - Reports for each profile whether the log is complete. Without an audit daemon the kernel limits the rate of messages and drops the
    others. Then a log without denials does not prove that there were none.
  - RV(skipped) has the reason on a host without AppArmor in its kernel, or with AppArmor hidden (a container).
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
options:
  profiles:
    description: Names of profiles, or patterns with C(*), C(?) and C([...]).
    type: list
    elements: str
    default: ["gofleet.*"]
  since:
    description:
      - The time from which denials count. V(changed) is the last change of the file of a profile in O(path) or in C(local/), and V(boot)
        is the boot of the host. If the log begins later, counting begins with the log.
      - Alternatively a time in seconds since 1970, with or without a leading C(@).
    type: str
    default: changed
  source:
    description: The log to read. V(auto) is the log of the audit daemon if one runs, else the journal, else O(kern_log).
    type: str
    choices: [auto, audit_log, journal, kern_log]
    default: auto
  audit_log:
    description: The log of the audit daemon. Its rotated files (C(.1), C(.2.gz)) are read as far back as O(since) needs.
    type: path
    default: /var/log/audit/audit.log
  kern_log:
    description: The file into which a syslog daemon writes only messages of the kernel. Its rotated files are read in the same way.
    type: path
    default: /var/log/kern.log
  release_roots:
    description: Directories of release stores, C(<root>/<name>/<version>/). In a rule the version becomes C(*).
    type: list
    elements: path
    default: [/opt/gofleet]
  path:
    description: Directory of the profiles.
    type: path
    default: /etc/apparmor.d
  limit:
    description: The largest number of different denials, and of rules, to return for each profile.
    type: int
    default: 100
  lines:
    description: The largest number of lines of the log to read. The newest lines are read.
    type: int
    default: 50000
seealso:
  - module: gofleet.hosts.apparmor_profiles
"""

EXAMPLES = r"""
- name: Read what the profiles of our services denied or would deny
  gofleet.hosts.apparmor_denials_info:
  register: denials

- name: Show proposed rules for hello
  ansible.builtin.debug:
    msg: "{{ denials.profiles['gofleet.hello'].rules }}"

- name: Read what a profile of the distribution denied since yesterday
  gofleet.hosts.apparmor_denials_info:
    profiles: [/usr/sbin/chronyd]
    since: "{{ now().timestamp() - 86400 }}"
"""

RETURN = r"""
profiles:
  description: Each matching profile that is loaded or has denials, by name.
  returned: success
  type: dict
  contains:
    mode:
      description: Its mode in the kernel, such as V(enforce), V(complain), V(kill) or V(unconfined). Null if it is not loaded.
      type: str
      returned: always
    processes:
      description: Number of processes that run in the profile now.
      type: int
      returned: always
    since:
      description: The time from which its denials were counted, in UTC.
      type: str
      returned: always
    complete:
      description: Whether the log has every denial since then, V(yes), V(no) or V(unknown).
      type: str
      returned: always
    reason:
      description: The reason for C(complete).
      type: str
      returned: always
    count:
      description: Number of denials, without those that are C(optional).
      type: int
      returned: always
    denials:
      description: Different denials, the most frequent first.
      type: list
      elements: dict
      returned: always
      contains:
        kind:
          description: V(file), V(exec), V(capability), V(network), V(unix), V(signal), V(ptrace), V(mount), or another class of the kernel.
          type: str
          returned: always
        operation:
          description: What the process did, as the kernel names it.
          type: str
          returned: always
        subject:
          description: The object of the operation, such as a path, a capability, a socket type, or a signal and its peer.
          type: str
          returned: always
        mask:
          description: The denied access, as the kernel writes it.
          type: str
          returned: always
        denied:
          description: How many of them were denied. The others were only logged in complain mode.
          type: int
          returned: always
        optional:
          description: Whether the kernel only checked for a capability that it does not need. Enforce mode does not change its result.
          type: bool
          returned: always
        programs:
          description: Names of the programs.
          type: list
          elements: str
          returned: always
        rule:
          description: The rule of RV(profiles.rules) that would allow it. Null if there is none.
          type: str
          returned: always
        reason:
          description: Why there is no rule.
          type: str
          returned: always
        count:
          description: Number of these denials.
          type: int
          returned: always
        first_seen:
          description: Time of the first one, in UTC.
          type: str
          returned: always
        last_seen:
          description: Time of the last one, in UTC.
          type: str
          returned: always
    rules:
      description: Rules that would allow the denials, in the syntax of a profile.
      type: list
      elements: dict
      returned: always
      contains:
        rule:
          description: The rule with its comma.
          type: str
          returned: always
        dangerous:
          description: Whether a person should review it first.
          type: bool
          returned: always
        reason:
          description: Why a person should review it, or the error message of the parser.
          type: str
          returned: always
        checked:
          description: Whether C(apparmor_parser) of this host accepts the rule, V(yes) or V(no). V(unknown) without a parser.
          type: str
          returned: always
        count:
          description: Number of denials that it would have allowed.
          type: int
          returned: always
        first_seen:
          description: Time of the first one, in UTC.
          type: str
          returned: always
        last_seen:
          description: Time of the last one, in UTC.
          type: str
          returned: always
    left_out:
      description: Number of denials and rules that were left out because of O(limit).
      type: int
      returned: always
  sample:
    gofleet.hello:
      mode: complain
      processes: 1
      since: "2026-11-25T22:49:30Z"
      complete: "yes"
      reason: journal has every record
      count: 2
      denials:
        - kind: file
          operation: open
          subject: /opt/gofleet/hello/1.4.0/motd.txt
          mask: r
          denied: 0
          optional: false
          programs: [hello]
          rule: "/opt/gofleet/hello/*/motd.txt r,"
          reason: null
          count: 2
          first_seen: "2026-11-25T22:50:11Z"
          last_seen: "2026-11-25T23:02:40Z"
      rules:
        - rule: "/opt/gofleet/hello/*/motd.txt r,"
          dangerous: false
          reason: null
          checked: "yes"
          count: 2
          first_seen: "2026-11-25T22:50:11Z"
          last_seen: "2026-11-25T23:02:40Z"
      left_out: 0
source:
  description: The log that was read, V(journal) or a path. Null without AppArmor.
  returned: success
  type: str
  sample: journal
skipped:
  description:
    - Each entry of O(profiles) with the reason why there are no results.
    - Ansible shows the task as skipped.
  returned: where the kernel has no AppArmor
  type: list
  elements: dict
  contains:
    name:
      description: The entry of O(profiles).
      type: str
      returned: always
    reason:
      description: Why there are no results.
      type: str
      returned: always
  sample: [{name: "gofleet.*", reason: the kernel has no AppArmor}]
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._apparmor.denials import read_denials
from ..module_utils._errors import HostError
from ..module_utils._run import host_runner

SPEC = {
    "profiles": {"type": "list", "elements": "str", "default": ["gofleet.*"]},
    "since": {"type": "str", "default": "changed"},
    "source": {"type": "str", "choices": ["auto", "audit_log", "journal", "kern_log"], "default": "auto"},
    "audit_log": {"type": "path", "default": "/var/log/audit/audit.log"},
    "kern_log": {"type": "path", "default": "/var/log/kern.log"},
    "release_roots": {"type": "list", "elements": "path", "default": ["/opt/gofleet"]},
    "path": {"type": "path", "default": "/etc/apparmor.d"},
    "limit": {"type": "int", "default": 100},
    "lines": {"type": "int", "default": 50000},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **read_denials(module.params, run=host_runner(module)))
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
