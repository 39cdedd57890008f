#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: apparmor_denials_info
short_description: What AppArmor denied, or would have, and the rules that would allow it
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Reads the denials of profiles out of the audit daemon's log, the journal or the kernel's log, and counts them. In complain mode these
    are what enforcing would have denied.
  - Proposes the rules that would allow them. A rule is no wider than what was denied, except that process and thread numbers, the places
    of C(/proc), C(/sys) and C(/run), and the version in the path of a release are made general. A rule that a person should look at
    first is marked with the reason.
  - Tells for each profile whether the log is complete. Without an audit daemon the kernel prints a few lines at a time and drops the
    rest, so the absence of denials proves nothing then.
  - On a host whose kernel has no AppArmor, or that shows none (a container), RV(skipped) says why.
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
      - From when on denials count. V(changed) stands for the last change of each profile's file in O(path), or of the one in C(local/) that
        it includes, V(boot) for the boot of the host. Both begin where the log does, if that is later.
      - Or a time in seconds since 1970, perhaps with C(@) before it.
    type: str
    default: changed
  source:
    description: Where to read. V(auto) is the log of the audit daemon where one runs, else the journal, else O(kern_log).
    type: str
    choices: [auto, audit_log, journal, kern_log]
    default: auto
  audit_log:
    description: The log of the audit daemon. Its older parts (C(.1), C(.2.gz)) are read as far as O(since) asks for.
    type: path
    default: /var/log/audit/audit.log
  kern_log:
    description: The file into which a syslog daemon writes what the kernel says, and that alone. Its older parts are read likewise.
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
    description: Tell at most so many different denials and so many rules of each profile.
    type: int
    default: 100
  lines:
    description: Read at most so many lines of the log, the newest ones.
    type: int
    default: 50000
seealso:
  - module: gofleet.hosts.apparmor_profiles
"""

EXAMPLES = r"""
- name: See what the profiles of our services would deny
  gofleet.hosts.apparmor_denials_info:
  register: denials

- name: Show rules to add to apparmor.rules of hello
  ansible.builtin.debug:
    msg: "{{ denials.profiles['gofleet.hello'].rules }}"

- name: Has a profile of the distribution denied anything since yesterday?
  gofleet.hosts.apparmor_denials_info:
    profiles: [/usr/sbin/chronyd]
    since: "{{ now().timestamp() - 86400 }}"
"""

RETURN = r"""
profiles:
  description: Each matching profile that is loaded or has denials, by its name.
  returned: success
  type: dict
  contains:
    mode:
      description: Its mode in the kernel, V(enforce), V(complain), V(kill), V(unconfined) and others. Null if it is not loaded.
      type: str
      returned: always
    processes:
      description: How many processes run inside the profile now.
      type: int
      returned: always
    since:
      description: From when on its denials were counted, in UTC.
      type: str
      returned: always
    complete:
      description: Whether the log holds every denial since then, V(yes), V(no) or V(unknown).
      type: str
      returned: always
    reason:
      description: Why, as a sentence.
      type: str
      returned: always
    count:
      description: Denials, without those that are C(optional).
      type: int
      returned: always
    denials:
      description: Different denials, the most frequent first.
      type: list
      elements: dict
      returned: always
      contains:
        kind:
          description: V(file), V(exec), V(capability), V(network), V(unix), V(signal), V(ptrace), V(mount), or another word of the kernel.
          type: str
          returned: always
        operation:
          description: What the process did, as the kernel names it.
          type: str
          returned: always
        subject:
          description: What it did it to. A path, a capability, a kind of socket, a signal and its receiver.
          type: str
          returned: always
        mask:
          description: The refused access, as the kernel writes it.
          type: str
          returned: always
        denied:
          description: How many of them were really denied. The others were only logged (complain mode).
          type: int
          returned: always
        optional:
          description: Whether the kernel asked for a capability that it does without. Enforcing changes nothing about that.
          type: bool
          returned: always
        programs:
          description: Names of the processes.
          type: list
          elements: str
          returned: always
        rule:
          description: The rule of RV(profiles.rules) that would allow it. Null where none would.
          type: str
          returned: always
        reason:
          description: Why there is no rule.
          type: str
          returned: always
        count:
          description: How many.
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
      description: Rules that would allow them, as they stand in a profile.
      type: list
      elements: dict
      returned: always
      contains:
        rule:
          description: The rule with its comma.
          type: str
          returned: always
        dangerous:
          description: Whether a person should look at it first.
          type: bool
          returned: always
        reason:
          description: Why they should, or what the parser says of it.
          type: str
          returned: always
        checked:
          description: Whether this host's C(apparmor_parser) takes the rule, V(yes) or V(no); V(unknown) where there is no parser.
          type: str
          returned: always
        count:
          description: How many denials it would have allowed.
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
      description: How many denials and rules O(limit) kept out of the answer.
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
  description: What was read, V(journal) or the path of a log. Null where there is no AppArmor.
  returned: success
  type: str
  sample: journal
skipped:
  description:
    - Each entry of O(profiles) with the reason why there is nothing to tell.
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
      description: Why there is nothing to tell.
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
