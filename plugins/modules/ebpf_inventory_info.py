#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ebpf_inventory_info
short_description: Every eBPF program, map, link, pin and probe event of a host, who owns it, and what leaks
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Lists BPF programs, maps and links by their ids, the pins in every mounted bpffs, and the probe events of tracefs,
    which BPF tools do not show.
  - Says who holds each object, process, systemd unit and command, by the descriptors of all processes.
  - Says where each program is attached, by links, control groups, perf events and arrays of tail calls. Where the kernel does not
    tell, the answer is unknown, and no finding is made of it.
  - Finds what is abandoned, such as pinned links without a process, programs that run nowhere and probe events that nobody reads,
    and units that hold more and more.
  - Reads only. Each finding has the command that would end it.
options:
  baseline:
    description:
      - What an earlier run returned as RV(baseline), to compare with.
      - It is not used where it is of another boot or did not see the same, see RV(comparison).
    type: dict
  growth:
    description:
      - How much more than in the O(baseline) a unit may hold, for each process that it traces with uprobes. For a unit
        without uprobes, for each process that it has.
      - Less than that is not a finding. A unit that the baseline does not have is new, and not growing.
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
    description: What units may hold at most. Needs no baseline.
    type: list
    elements: dict
    default: []
    suboptions:
      unit:
        description: Name of a unit as in RV(by_unit), or a shell pattern of names.
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
    description: Age in seconds from which a pin without owner or a program without attachment is a finding.
    type: int
    default: 300
  expected_pins:
    description: Shell patterns of paths of pins that are meant to stay without a process. They are no findings.
    type: list
    elements: str
    default: []
notes:
  - Needs C(CAP_SYS_ADMIN) to list ids. C(CAP_BPF) is not enough. Without it the module lists what the descriptors of readable
    processes name, and RV(complete) says so.
  - Findings of abandoned pins and events need the descriptors of all processes. They are not made where some are refused.
  - Where programs of traffic control, network interfaces and sockets are attached without a link is not asked, so
    C(attached) is V(null) for them.
  - A single sample cannot prove a leak. RV(findings) of growth name both samples.
seealso:
  - module: gofleet.hosts.kernel_info
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
"""

EXAMPLES = r"""
- name: Look for what is abandoned
  gofleet.hosts.ebpf_inventory_info:
    expected_pins: [/sys/fs/bpf/gofleet/*]
  register: inventory

- name: Say what to do
  ansible.builtin.debug:
    msg: "{{ item.kind }}: {{ item.object }}: {{ item.reason }}. {{ item.remedy }}"
  loop: "{{ inventory.findings }}"

- name: Compare with the run before
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
  description: Whether everything was seen, C(answer) V(yes), V(no) or V(unknown), and the layer that hides the rest.
  returned: success
  type: dict
  sample: {answer: "yes", decided_by: kernel, reason: "all ids, all processes and every mounted bpffs were read"}
statistics:
  description: Whether the kernel counts runs (C(kernel.bpf_stats_enabled)). V(null) where it does not tell.
  returned: success
  type: bool
  sample: false
programs:
  description:
    - The programs. C(loaded_at) in UTC. C(run_count) and C(run_time_ns) are V(null) unless RV(statistics) is true.
    - C(attached) is V(null) where no attachment was found and there may be some that cannot be seen, as C(attachment) says.
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
  description: The maps. C(bytes) is what the kernel charges for it, C(programs) are those that use it.
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
  description: The links. C(target) is V(null) where the kernel does not tell, C(target_lost) where what it was attached to is gone.
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
  description: Names in bpffs. Those that only other mount namespaces have are below C(/proc/PID/root).
  returned: success
  type: list
  elements: dict
  sample: [{path: /sys/fs/bpf/agent/link, kind: link, id: 7, created: "2026-11-22T22:40:00Z"}]
pins_unread:
  description: Places of a bpffs that could not be read, with the reason.
  returned: success
  type: list
  elements: str
  sample: []
events:
  description: Probe events of tracefs. C(enabled) counts all instances and triggers. C(used) is three-valued as RV(complete).
  returned: success
  type: list
  elements: dict
  sample:
    - kind: kprobe
      group: kprobes
      name: opens
      definition: "p:kprobes/opens do_sys_openat2"
      enabled: false
      used: {answer: "no", decided_by: kernel, reason: "it is not enabled, and no perf event or link is attached there"}
events_error:
  description: Why RV(events) could not be read. V(null) where they were.
  returned: success
  type: str
  sample: "no tracefs is mounted"
by_unit:
  description:
    - What the processes of each unit hold, and what that keeps alive, a link its program and a program its maps.
    - The key is the name of a unit, the path of a control group that is not a unit's, or C(-) for what no process holds.
    - C(pids) hold something, C(processes) is the number of all processes of the unit, C(traced) of those that it has uprobes
      in. C(traced) is V(null) for a unit without uprobes.
  returned: success
  type: dict
  sample:
    systemd-networkd.service: {programs: 1, maps: 3, links: 1, map_bytes: 276280, pids: [307], processes: 1, traced: null}
findings:
  description:
    - What to act on. C(kind) is V(orphan_pin), V(orphan_link), V(unattached_program), V(stale_event), V(growth) or V(over_budget).
    - C(unit) is the unit that holds it, or held it in O(baseline), V(null) where that is not known.
  returned: success
  type: list
  elements: dict
  sample:
    - kind: stale_event
      object: kprobes/opens
      name: opens
      unit: null
      reason: >-
        p:kprobes/opens do_sys_openat2: it is not enabled, and no perf event or link is attached there; the next one of
        this name ends with EEXIST
      remedy: "Remove it: echo '-:kprobes/opens' >> /sys/kernel/tracing/kprobe_events"
comparison:
  description: Whether O(baseline) was compared with, three-valued as RV(complete).
  returned: success
  type: dict
  sample: {answer: "no", decided_by: kernel, reason: "no baseline was given, and one sample proves no growth"}
baseline:
  description: What to save and give back as O(baseline). It is of this boot alone.
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
