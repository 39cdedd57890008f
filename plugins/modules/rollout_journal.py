#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_journal
short_description: Keep the journal of a rollout on the controller
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Plans a rollout or resumes an unfinished one, records each step of each host before the next one begins, and judges the run.
  - The journal is an append-only file of JSON lines. Each line is on disk before the task ends. Only one run at a time can write it. A
    second run fails and names the process that holds the journal.
  - The role P(gofleet.hosts.rollout#role) uses this module. It runs on the controller only, and connects to no host.
extends_documentation_fragment:
  - gofleet.hosts._attributes.actiongroup
attributes:
  action:
    description: Runs on the controller only.
    support: full
  check_mode:
    description: In check mode nothing is written, and each host is as at the beginning of a run.
    support: full
  diff_mode:
    description: The module changes no host, so there is no difference to show.
    support: N/A
  platform:
    description: Where the module runs.
    platforms: linux
    support: full
options:
  directory:
    description: Directory of the journals on the controller. It is created if it is missing.
    type: path
    required: true
  run:
    description: Name of the run. With O(plan), the unfinished run to resume.
    type: str
  plan:
    description: Begin a run, or resume the unfinished run of the same services and hosts.
    type: dict
    suboptions:
      described:
        description: By host, the descriptions of its services. These are the hosts of the run.
        type: dict
        required: true
      services:
        description: Names of the services to roll out. If omitted, all of them.
        type: list
        elements: str
        default: []
      salt:
        description: A text that the order of the hosts depends on. If omitted, it is the release, so that each release has another canary.
        type: str
        default: ""
      canary:
        description: Size of the first wave, a number of hosts or a share such as V(5%).
        type: str
        default: "1"
      canary_min:
        description: Minimum number of hosts in the first wave.
        type: int
        default: 1
      canary_hosts:
        description: Hosts that are always in the first wave.
        type: list
        elements: str
        default: []
      waves:
        description: How many hosts, or which share, have been moved after each later wave. The remaining hosts are the last wave.
        type: list
        elements: str
        default: [25%, 100%]
      budget:
        description: How many hosts, or which share, may fail before the run is reverted.
        type: str
        default: "0"
      takeover:
        description: >-
          Whether to resume a run of another machine or another container, although this controller cannot see whether it still runs.
        type: bool
        default: false
      abandon:
        description: Name of an unfinished run to give up first.
        type: str
        default: ""
  host:
    description: A host of the run. With O(state), its state is written, else it is read.
    type: str
  state:
    description: The state of the host. V(moving) and V(reverting) are written before the host is changed.
    type: str
    choices: [looked, moving, moved, gated, done, unchanged, refused, failed, reverting, reverted, stuck, unreachable]
  facts:
    description: Facts to record with the state. They are C(before), C(after), C(baseline), C(stage), C(reason) and C(evidence).
    type: dict
  end:
    description: Whether to end the run, write its report and release the journal.
    type: bool
    default: false
seealso:
  - plugin: gofleet.hosts.rollout_waves
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read the state of a host
  gofleet.hosts.rollout_journal:
    directory: ~/.local/state/gofleet/rollout
    run: 20260102T101500-9f2b6a
    host: "{{ inventory_hostname }}"
  register: journal
"""

RETURN = r"""
run:
  description: Name of the run.
  returned: with O(plan)
  type: str
  sample: 20260102T101500-9f2b6a
path:
  description: Path of the journal. With O(end), path of the report.
  returned: with O(plan) or O(end)
  type: str
  sample: /home/me/.local/state/gofleet/rollout/20260102T101500-9f2b6a.jsonl
resumed:
  description: Whether an unfinished run was resumed.
  returned: with O(plan)
  type: bool
  sample: false
release:
  description: Identifies what is rolled out, by a hash of the programs and the descriptions.
  returned: with O(plan)
  type: str
  sample: 9f2b6a1c0d3e
services:
  description: Names of the services that are rolled out.
  returned: with O(plan)
  type: list
  elements: str
  sample: [hello]
hosts:
  description: All hosts of the run, in the order of the waves.
  returned: with O(plan)
  type: list
  elements: str
  sample: [web3, web1, web2]
waves:
  description: The waves that are still to do.
  returned: with O(plan)
  type: list
  elements: list
  sample: [[web3], [web1, web2]]
budget:
  description: How many hosts may fail.
  returned: with O(plan)
  type: int
  sample: 0
halted:
  description: Whether no more hosts may be moved.
  returned: with O(plan), or O(host) without O(state)
  type: bool
  sample: false
state:
  description: The state of the host, and what the journal has recorded for it.
  returned: with O(host)
  type: dict
  sample: {state: moving, touched: true, failed: false}
decision:
  description: V(keep) or V(revert).
  returned: without O(plan) and O(host)
  type: str
  sample: keep
revert:
  description: The hosts to put back.
  returned: without O(plan) and O(host)
  type: list
  elements: str
  sample: []
report:
  description: The report.
  returned: with O(end)
  type: dict
  sample: {outcome: moved, counts: {hosts: 3, failed: 0, moved: 3}}
lines:
  description: The report as text.
  returned: with O(end)
  type: list
  elements: str
  sample: ["0 of 3 hosts failed, the budget is 0"]
"""
