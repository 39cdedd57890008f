#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: apparmor_profiles
short_description: Manage AppArmor profiles in files and in the kernel
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Manages the files of AppArmor profiles and their modes in the running kernel.
  - Compiles every profile that differs before it writes the first file, in check mode too. If one does not compile, the module fails
    and nothing is changed.
  - Loads only the listed profiles. If one does not load, this profile and those before it are restored.
  - Writes nothing on a host without AppArmor in its kernel, or with AppArmor hidden (a container). RV(skipped) has the reason.
  - Loading a profile does not confine processes that already run. RV(restart_required) lists them. M(gofleet.hosts.systemd_units)
    restarts services whose process runs outside the profile of their unit. A new mode or content of a loaded profile applies at once to
    the processes in it.
  - Fails on a link in C(disable/) of O(path), because a boot would not load the profile. The link is left unchanged.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
options:
  profiles:
    description: The profiles to manage. Other profiles are left unchanged.
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
          - The profile as text. It must declare the profile O(profiles[].name) and no other profile except child profiles.
          - If omitted, the existing file is kept and only the mode is managed.
        type: str
      mode:
        description:
          - V(enforce) denies and logs what the profile does not allow. V(complain) only logs it.
          - For V(complain) the module makes a link in C(force-complain/) of O(path), so that the mode survives a reboot. The content is
            not changed, and child profiles are in complain mode too.
          - V(complain_first) is V(complain) for a profile that is new on the host. Later it keeps the mode of the host, so that a profile
            that was promoted to V(enforce) stays enforced.
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
          - Enforce the profile on trial, when this run changes it and its mode is V(enforce). On a denial, a failed health check or an
            incomplete log, everything is restored and the module fails.
          - Until the trial is over, only the running kernel enforces the profile. A host that reboots during the trial is in V(complain).
        type: dict
        suboptions:
          seconds:
            description: Length of the trial.
            type: float
            default: 10
          health:
            description: Health checks that must succeed during the trial, as in M(gofleet.hosts.systemd_units).
            type: list
            elements: dict
            default: []
            suboptions:
              url:
                description: A plain C(http://) URL as seen on the host.
                type: str
                required: true
              unix_socket:
                description: Path of a Unix socket to connect to instead of the host and port of the URL.
                type: path
              status:
                description: The HTTP status that means healthy.
                type: int
                default: 200
              timeout:
                description: How long to keep trying, in seconds.
                type: float
                default: 30
      adopt:
        description:
          - Replace a file of this name that lacks the first line of this module, for example a stub profile of the distribution.
          - If V(false), the module fails on such a file. It always fails if a file of another name declares the profile.
        type: bool
        default: false
  path:
    description: Directory of the profiles. A boot loads only profiles in the default directory.
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

- name: Enforce two profiles from files
  gofleet.hosts.apparmor_profiles:
    profiles:
      - name: hello
        content: "{{ lookup('file', 'hello.apparmor') }}"
      - name: greeter
        content: "{{ lookup('file', 'greeter.apparmor') }}"

- name: Enforce a profile, and roll back if the service is not healthy
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
  description: Profiles that were loaded. In check mode, those that would be.
  returned: success
  type: list
  elements: str
  sample: [hello]
modes:
  description:
    - Mode of each listed profile in the kernel after the run. A profile that is not loaded has no entry.
    - In check mode, before the run.
  returned: success
  type: dict
  sample: {hello: complain}
restart_required:
  description:
    - Processes that need a restart to run in a listed profile, or in its mode.
    - These processes run a program that the profile attaches to, but started before it was loaded. Where the profile is enforced,
      processes in a C(//null-) profile from complain mode count too. In check mode, those before the run.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the profile.
      type: str
      returned: always
    pid:
      description: ID of the process.
      type: int
      returned: always
    program:
      description: Path of its program.
      type: str
      returned: always
    label:
      description: Its current AppArmor label. V(unconfined) means no profile.
      type: str
      returned: always
  sample: [{name: gofleet.hello, pid: 712, program: /opt/gofleet/hello/1.4.0/hello, label: unconfined}]
skipped:
  description:
    - The listed profiles with the reason why they are not managed on this host.
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
      description: Why the profile is not managed.
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
