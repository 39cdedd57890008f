#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ebpf_inventory_info
short_description: List the eBPF programs, maps, links, pins and probe events of a host with their owners, and find leaks
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Lists BPF programs, maps and links by their ids, the pins in every mounted bpffs, and the probe events of tracefs,
    which BPF tools do not show.
  - Returns the owners of each object, as process, systemd unit and command, from the descriptors of all processes.
  - Returns where each program is attached, by links, control groups, perf events and arrays of tail calls. Where the kernel
    does not show this, the answer is unknown, and there is no finding for it.
  - Finds abandoned objects, such as pinned links without a process, programs that are not attached and unused probe events.
  - Finds units whose number of objects grows, and units over their budget.
  - Changes nothing. Each finding has a remedy, with a command where there is one.
options:
  baseline:
    description:
      - The value RV(baseline) of an earlier run, to compare with.
      - It is not used if it is from another boot or from a run with other access, see RV(comparison).
    type: dict
  growth:
    description:
      - How many more objects than in the O(baseline) a unit may hold for each process that it traces with uprobes. A unit
        without uprobes may hold this for each of its own processes.
      - Growth up to this number is not a finding. A unit that the baseline does not have is new and does not count as growing.
    type: dict
    default: {}
    suboptions:
      programs:
        description: Programs.
        type: int
        default: 4
      maps:
        description: Maps.
        type: int
        default: 4
      links:
        description: Links.
        type: int
        default: 4
      map_bytes:
        description: Bytes that the kernel charges for the maps.
        type: int
        default: 1048576
  budgets:
    description: The most that units may hold. Budgets need no baseline.
    type: list
    elements: dict
    default: []
    suboptions:
      unit:
        description: The name of a unit as in RV(by_unit), or a shell pattern of names.
        type: str
        required: true
      programs:
        description: Programs.
        type: int
      maps:
        description: Maps.
        type: int
      links:
        description: Links.
        type: int
      map_bytes:
        description: Bytes that the kernel charges for the maps.
        type: int
  grace:
    description: The age in seconds from which a pin without an owner or a program without an attachment is a finding.
    type: int
    default: 300
  expected_pins:
    description: Shell patterns of the paths of pins that need no process. These pins are not findings.
    type: list
    elements: str
    default: []
notes:
  - Needs C(CAP_SYS_ADMIN) to list ids. C(CAP_BPF) is not enough. Without it, the module lists the objects that readable
    processes hold, and RV(complete) says so.
  - Findings of abandoned pins and events need the descriptors of all processes. There are none where some cannot be read.
  - The module does not read where programs are attached to traffic control, network interfaces and sockets without a link.
    For these programs C(attached) is V(null).
  - A single sample cannot show a leak. RV(findings) of growth name both samples.
seealso:
  - module: gofleet.hosts.kernel_info
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
"""

EXAMPLES = r"""
- name: Find abandoned objects
  gofleet.hosts.ebpf_inventory_info:
    expected_pins: [/sys/fs/bpf/gofleet/*]
  register: inventory

- name: Show the findings and what to do
  ansible.builtin.debug:
    msg: "{{ item.kind }}: {{ item.object }}: {{ item.reason }}. {{ item.remedy }}"
  loop: "{{ inventory.findings }}"

- name: Compare with the earlier run
  gofleet.hosts.ebpf_inventory_info:
    baseline: "{{ inventory.baseline }}"
    growth:
      links: 2
    budgets:
      - unit: obi.service
        links: 200
        map_bytes: 104857600
  register: later

- name: Fail on a leak
  ansible.builtin.assert: {that: later.findings | length == 0}
"""

RETURN = r"""
complete:
  description: Whether everything was read, C(answer) V(yes), V(no) or V(unknown), and the layer that hides the rest.
  returned: success
  type: dict
  sample: {answer: "yes", decided_by: kernel, reason: "all ids, all processes and every mounted bpffs were read"}
statistics:
  description: Whether the kernel counts runs (C(kernel.bpf_stats_enabled)). V(null) where the setting cannot be read.
  returned: success
  type: bool
  sample: false
programs:
  description:
    - The programs. C(loaded_at) is in UTC. C(run_count) and C(run_time_ns) are V(null) unless RV(statistics) is true.
    - C(attached) is V(null) where no attachment was found and some may be hidden. C(attachment) has the reason.
  returned: success
  type: list
  elements: dict
  sample:
    - id: 24
      type: cgroup_skb
      name: sd_fw_ingress
      tag: 6deef7357e7b4530
      loaded_at: "2026-11-22T22:31:49Z"
      uid: 0
      map_ids: []
      pinned: []
      owners: [{pid: 1, unit: init.scope, comm: systemd}]
      links: []
      run_count: null
      run_time_ns: null
      attached: true
      attached_to: [cgroup /system.slice/systemd-journald.service (cgroup_inet_ingress)]
      attachment: {answer: "yes", decided_by: kernel, reason: cgroup /system.slice/systemd-journald.service (cgroup_inet_ingress)}
maps:
  description: The maps. C(bytes) is the memory that the kernel charges for the map. C(programs) are the programs that use it.
  returned: success
  type: list
  elements: dict
  sample:
    - id: 14
      type: ringbuf
      name: written_sysctls
      key_size: 0
      value_size: 0
      max_entries: 262144
      bytes: 275736
      pinned: []
      owners: [{pid: 307, unit: systemd-networkd.service, comm: systemd-network}]
      programs: [33]
links:
  description: The links. C(target) is V(null) where the kernel does not show it. C(target_lost) is true where the target no longer exists.
  returned: success
  type: list
  elements: dict
  sample:
    - id: 3
      type: cgroup
      prog_id: 33
      target: cgroup / (cgroup_sysctl)
      target_lost: false
      attach_type: cgroup_sysctl
      pinned: []
      owners: [{pid: 307, unit: systemd-networkd.service, comm: systemd-network}]
pins:
  description: The pins in every bpffs. The path of a pin that only another mount namespace has is below C(/proc/PID/root).
  returned: success
  type: list
  elements: dict
  sample: [{path: /sys/fs/bpf/agent/link, kind: link, id: 7, created: "2026-11-22T22:40:00Z"}]
pins_unread:
  description: Paths in a bpffs that could not be read, with the reason.
  returned: success
  type: list
  elements: str
  sample: []
events:
  description: The probe events of tracefs. C(enabled) includes all instances and triggers. C(used) is an answer as in RV(complete).
  returned: success
  type: list
  elements: dict
  sample:
    - kind: kprobe
      group: kprobes
      name: opens
      definition: "p:kprobes/opens do_sys_openat2"
      enabled: false
      used: {answer: "no", decided_by: kernel, reason: "it is not enabled, and no perf event or link is attached to it"}
events_error:
  description: Why RV(events) could not be read. V(null) where they were read.
  returned: success
  type: str
  sample: "no tracefs is mounted"
by_unit:
  description:
    - The objects that the processes of each unit hold, including the program of each link and the maps of each program.
    - The key is the name of a unit, the path of a control group that is not of a unit, or C(-) for objects that no process
      holds.
    - C(pids) are the processes that hold objects. C(processes) is the number of all processes of the unit. C(traced) is the
      number of processes that the unit traces with uprobes, V(null) for a unit without uprobes.
  returned: success
  type: dict
  sample:
    systemd-networkd.service: {programs: 1, maps: 3, links: 1, map_bytes: 276280, pids: [307], processes: 1, traced: null}
findings:
  description:
    - The findings. C(kind) is V(orphan_pin), V(orphan_link), V(unattached_program), V(stale_event), V(growth) or V(over_budget).
    - C(unit) is the unit that holds the object, or that held it in O(baseline). V(null) where that is not known.
  returned: success
  type: list
  elements: dict
  sample:
    - kind: stale_event
      object: kprobes/opens
      name: opens
      unit: null
      reason: >-
        p:kprobes/opens do_sys_openat2: it is not enabled, and no perf event or link is attached to it; creating
        another event with this name fails with EEXIST
      remedy: "Remove it: echo '-:kprobes/opens' >> /sys/kernel/tracing/kprobe_events"
comparison:
  description: Whether this run was compared with O(baseline), an answer as in RV(complete).
  returned: success
  type: dict
  sample: {answer: "no", decided_by: kernel, reason: "no baseline was given, and a single sample cannot show growth"}
baseline:
  description: The value to save and pass as O(baseline) to a later run. It is valid for this boot only.
  returned: success
  type: dict
  sample:
    schema: 1
    boot_id: 7a0d5b8e-2f55-4b0e-9d0a-3f5b8e6f1c2d
    time: "2026-11-22T22:45:00Z"
    complete: true
    units: {systemd-networkd.service: {programs: 1, maps: 3, links: 1, map_bytes: 276280, processes: 1, traced: null}}
    pins: {}
"""

import functools

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ebpf_inventory.info import report_inventory
from ..module_utils._ebpf_inventory.inventory import read_inventory
from ..module_utils._errors import HostError
from ..module_utils._probe.host import this_host

_COUNTS = ("programs", "maps", "links", "map_bytes")
_ALLOWED = {"programs": 4, "maps": 4, "links": 4, "map_bytes": 1048576}
_SPEC = {
    "baseline": {"type": "dict"},
    "growth": {
        "type": "dict",
        "default": {},
        "options": {name: {"type": "int", "default": _ALLOWED[name]} for name in _COUNTS},
    },
    "budgets": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"unit": {"type": "str", "required": True}, **{name: {"type": "int"} for name in _COUNTS}},
    },
    "grace": {"type": "int", "default": 300},
    "expected_pins": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    module = AnsibleModule(argument_spec=_SPEC, supports_check_mode=True)
    try:
        host = this_host()
        again = functools.partial(read_inventory, host)
        module.exit_json(changed=False, **report_inventory(again(), options=module.params, again=again))
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
