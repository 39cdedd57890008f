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
  - Plans a rollout or takes up an unfinished one, writes down each step of each host before the next one begins, and judges the run.
  - The journal is one file of JSON lines that are never changed, each on disk before the task ends. One run at a time writes it.
  - What P(gofleet.hosts.rollout#role) is made of; it runs on the controller alone, and no connection is made.
extends_documentation_fragment:
  - gofleet.hosts._attributes.actiongroup
attributes:
  action:
    description: Runs on the controller only.
    support: full
  check_mode:
    description: In check mode nothing is written, and every host is as if the run had just begun.
    support: full
  diff_mode:
    description: The hosts are not changed, so there is no difference to show.
    support: N/A
  platform:
    description: Where the module runs.
    platforms: linux
    support: full
options:
  directory:
    description: Directory of the journals on the controller. It is made if it is not there.
    type: path
    required: true
  run:
    description: Name of the run. With O(plan), the unfinished run to go on with.
    type: str
  plan:
    description: Begin a run, or take up the unfinished one of the same services and hosts.
    type: dict
    suboptions:
      described:
        description: By host, the descriptions of its services. The hosts of the run are those in it.
        type: dict
        required: true
      services:
        description: Names of the services to roll out; all of them if left out.
        type: list
        elements: str
        default: []
      salt:
        description: What the order of the hosts depends on. Left out, it is the release, so that each one has another canary.
        type: str
        default: ""
      canary:
        description: The first wave, a number of hosts or a share as V(5%).
        type: str
        default: "1"
      canary_min:
        description: The least number of hosts in the first wave.
        type: int
        default: 1
      canary_hosts:
        description: Hosts that are in the first wave anyway.
        type: list
        elements: str
        default: []
      waves:
        description: How many hosts, or which share, have been moved after each further wave. The rest is one more.
        type: list
        elements: str
        default: [25%, 100%]
      budget:
        description: How many hosts, or which share, may fail before the run is reverted.
        type: str
        default: "0"
      takeover:
        description: Whether to take up a run whose writer was on another machine or in another container, where nobody can see if it lives.
        type: bool
        default: false
      abandon:
        description: Name of an unfinished run to give up before.
        type: str
        default: ""
  host:
    description: A host of the run. With O(state), to write where it is; without, to read it.
    type: str
  state:
    description: Where the host is now. V(moving) and V(reverting) are written before the host is changed.
    type: str
    choices: [looked, moving, moved, gated, done, unchanged, refused, failed, reverting, reverted, stuck, unreachable]
  facts:
    description: What belongs to it, C(before), C(after), C(baseline), C(stage), C(reason) and C(evidence).
    type: dict
  end:
    description: Whether to end the run, write its report and leave the journal to others.
    type: bool
    default: false
seealso:
  - plugin: gofleet.hosts.rollout_waves
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read how far a host is
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
  description: The journal, or at the end the report.
  returned: with O(plan) or O(end)
  type: str
  sample: /home/me/.local/state/gofleet/rollout/20260102T101500-9f2b6a.jsonl
resumed:
  description: Whether an unfinished run was taken up.
  returned: with O(plan)
  type: bool
  sample: false
release:
  description: Name of what is rolled out, out of the programs and the descriptions.
  returned: with O(plan)
  type: str
  sample: 9f2b6a1c0d3e
services:
  description: The services.
  returned: with O(plan)
  type: list
  elements: str
  sample: [hello]
hosts:
  description: All hosts of the run, in their order.
  returned: with O(plan)
  type: list
  elements: str
  sample: [web3, web1, web2]
waves:
  description: The waves that are left.
  returned: with O(plan)
  type: list
  elements: list
  sample: [[web3], [web1, web2]]
budget:
  description: Hosts that may fail.
  returned: with O(plan)
  type: int
  sample: 0
halted:
  description: Whether no further host may be moved.
  returned: with O(plan), or O(host) without O(state)
  type: bool
  sample: false
state:
  description: Where the host is, and what the journal has of it.
  returned: with O(host)
  type: dict
  sample: {state: moving, touched: true, failed: false}
decision:
  description: V(keep) or V(revert).
  returned: without O(plan) and O(host)
  type: str
  sample: keep
revert:
  description: The hosts that are to be put back.
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
  description: The report, to read.
  returned: with O(end)
  type: list
  elements: str
  sample: ["0 of 3 hosts failed, the budget is 0"]
"""
