#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: apparmor_profiles
short_description: Load AppArmor profiles, each checked before anything is written
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Manages a list of AppArmor profiles, their files and their modes in the running kernel, in one run.
  - Every profile that differs is compiled before the first file is written. One that does not compile stops the module with
    nothing changed, in check mode too.
  - Only the listed profiles are loaded. A profile that does not load is put back as it was, and so are those before it.
  - On a host whose kernel has no AppArmor, or that shows none (a container), nothing is written and RV(skipped) says why.
  - Loading a profile does not confine processes that run already, RV(restart_required) names them. M(gofleet.hosts.systemd_units)
    restarts services whose process runs outside the profile that its unit names. A new mode or content of a profile that is loaded
    already counts at once for the processes in it.
  - A link in C(disable/) of O(path) is left alone, and makes the module fail, since no boot would load the profile.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
options:
  profiles:
    description: The profiles to manage. Profiles that are not listed are left alone.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the profile and of its file. No slashes, no leading dot.
        type: str
        required: true
      content:
        description:
          - The profile as text. It must declare the profile O(profiles[].name), and no other one but its children.
          - Without it the file that this module wrote earlier stays as it is, and only the mode is managed.
        type: str
      mode:
        description:
          - V(enforce) denies and logs what the profile does not allow. V(complain) only logs it.
          - V(complain) is kept over a reboot by a link in C(force-complain/) of O(path), which the parser honours.
            The content stays as it is given, and children of the profile complain too.
          - V(complain_first) is V(complain) for a profile that is new here. After that it leaves the mode as the host has it, so that
            a profile that was promoted to V(enforce) stays there.
        type: str
        choices: [enforce, complain, complain_first]
        default: enforce
      state:
        description: V(absent) unloads the profile and removes its file.
        type: str
        choices: [present, absent]
        default: present
      trial:
        description:
          - Enforce the profile on trial, when this run changes it and its mode comes to V(enforce). A denial, an unhealthy answer, or a
            log that can't tell puts everything back as it was, and the module fails.
          - Until the trial is over only the running kernel enforces. A host that boots or is lost meanwhile comes back in V(complain).
        type: dict
        suboptions:
          seconds:
            description: How long.
            type: float
            default: 10
          health:
            description: Questions that have to be answered all the while, as in M(gofleet.hosts.systemd_units).
            type: list
            elements: dict
            default: []
            suboptions:
              url:
                description: A plain C(http://) URL as seen from the host itself.
                type: str
                required: true
              unix_socket:
                description: Path of a Unix socket on which to ask instead of the host and port of the URL.
                type: path
              status:
                description: The HTTP status that means healthy.
                type: int
                default: 200
              timeout:
                description: How long to keep asking, in seconds.
                type: float
                default: 30
      adopt:
        description:
          - Take over a file of this name that lacks the first line by which this module knows its own files.
          - Without it such a file makes the module fail, a distribution's stub profile too. So does a file of another name that declares
            the profile, in any case.
        type: bool
        default: false
  path:
    description: Directory of the profiles. Only profiles in the default directory are loaded again at boot.
    type: path
    default: /etc/apparmor.d
seealso:
  - module: gofleet.hosts.apparmor_denials_info
  - module: gofleet.hosts.systemd_units
"""

EXAMPLES = r"""
- name: Watch what the profile of hello would deny
  gofleet.hosts.apparmor_profiles:
    profiles:
      - name: hello
        mode: complain
        content: |
          abi <abi/3.0>,
          include <tunables/global>
          profile hello {
            include <abstractions/base>
            /opt/gofleet/hello/*/hello mr,
          }

- name: Enforce two profiles out of files
  gofleet.hosts.apparmor_profiles:
    profiles:
      - name: hello
        content: "{{ lookup('file', 'hello.apparmor') }}"
      - name: greeter
        content: "{{ lookup('file', 'greeter.apparmor') }}"

- name: Enforce what has been watched long enough, and take that back if the service suffers
  gofleet.hosts.apparmor_profiles:
    profiles:
      - name: gofleet.hello
        mode: enforce
        trial:
          seconds: 30
          health:
            - url: http://127.0.0.1:8080/healthz

- name: Remove a profile
  gofleet.hosts.apparmor_profiles:
    profiles:
      - name: hello
        state: absent
"""

RETURN = r"""
loaded:
  description: Profiles that this run loaded, or would load in check mode.
  returned: success
  type: list
  elements: str
  sample: [hello]
modes:
  description:
    - Mode of each listed profile in the kernel. A profile that is not loaded has no entry.
    - In check mode, as found.
  returned: success
  type: dict
  sample: {hello: complain}
restart_required:
  description:
    - Processes that only a restart brings into a listed profile, or into its mode.
    - These run a program that the profile attaches to but started before it, or were let into a profile of complain mode's own making
      (C(//null-)) and the profile is enforced now. In check mode, as found.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the profile.
      type: str
      returned: always
    pid:
      description: Number of the process.
      type: int
      returned: always
    program:
      description: Path of its program.
      type: str
      returned: always
    label:
      description: What it runs in instead, V(unconfined) for nothing.
      type: str
      returned: always
  sample: [{name: gofleet.hello, pid: 712, program: /opt/gofleet/hello/1.4.0/hello, label: unconfined}]
skipped:
  description:
    - The profiles, each with the reason why this host cannot have it.
    - Ansible shows the task as skipped.
  returned: where the kernel has no AppArmor
  type: list
  elements: dict
  contains:
    name:
      description: Name of the profile.
      type: str
      returned: always
    reason:
      description: Why the profile is not managed here.
      type: str
      returned: always
  sample: [{name: hello, reason: the kernel has no AppArmor}]
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._apparmor.profiles import plan_profiles
from ..module_utils._converge import converge
from ..module_utils._errors import HostError
from ..module_utils._run import host_runner

HEALTH = {
    "url": {"type": "str", "required": True},
    "unix_socket": {"type": "path"},
    "status": {"type": "int", "default": 200},
    "timeout": {"type": "float", "default": 30},
}
TRIAL = {
    "seconds": {"type": "float", "default": 10},
    "health": {"type": "list", "elements": "dict", "default": [], "options": HEALTH},
}
PROFILE = {
    "name": {"type": "str", "required": True},
    "content": {"type": "str"},
    "mode": {"type": "str", "choices": ["enforce", "complain", "complain_first"], "default": "enforce"},
    "trial": {"type": "dict", "options": TRIAL},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "adopt": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "profiles": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": PROFILE,
            },
            "path": {"type": "path", "default": "/etc/apparmor.d"},
        },
        supports_check_mode=True,
    )
    try:
        converge(module, plan_profiles(module.params, run=host_runner(module)))
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
