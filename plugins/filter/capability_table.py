# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turn the answers of kernel_info and io_uring_info of many hosts into one table of plain text."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..plugin_utils._fleet.capability_table import capability_table

DOCUMENTATION = r"""
name: capability_table
short_description: Capabilities of many hosts as one table of plain text
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Takes the variables of all hosts and returns the lines of one table, capabilities down and hosts across.
  - A cell is the answer. Where another layer than the kernel decided it, the layer stands behind it in brackets, and the reason
    below the table.
  - A host without results is shown as C(unreachable) or C(failed).
  - Hosts that do not fit into O(width) get a further table below.
positional: hosts
options:
  _input:
    description: The variables of hosts by name, as in C(hostvars).
    type: dict
    required: true
  hosts:
    description: The hosts to show, in this order.
    type: list
    elements: str
    required: true
  kernel:
    description: Name of the variable that registered M(gofleet.hosts.kernel_info).
    type: str
    default: __probe_kernel
  ring:
    description: Name of the variable that registered M(gofleet.hosts.io_uring_info).
    type: str
    default: __probe_ring
  width:
    description: Columns of the table at most.
    type: int
    default: 120
"""

EXAMPLES = r"""
- name: Show the table
  ansible.builtin.debug:
    msg: "{{ hostvars | gofleet.hosts.capability_table(ansible_play_hosts_all) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The lines of the table.
  type: list
  elements: str
  sample:
    - capability  web1          web2
    - ----------  ------------  -----------
    - bpf         no (sysctl)   unreachable
    - psi         yes           -
"""


def capability_table_of_hosts(
    hostvars: t.Mapping[str, t.Any],
    hosts: t.Sequence[str],
    kernel: str = "__probe_kernel",
    ring: str = "__probe_ring",
    width: int = 120,
) -> list[str]:
    """The lines of the table; a host without results shows why."""
    if not isinstance(hosts, (list, tuple)):
        raise AnsibleFilterError(
            f"capability_table: hosts: wanted a list of host names; found {type(hosts).__name__}. "
            "Pass ansible_play_hosts_all."
        )
    return capability_table({host: _answers(hostvars[host], kernel, ring) for host in hosts}, width=width)


def _answers(variables: t.Mapping[str, t.Any], kernel: str, ring: str) -> dict[str, dict[str, t.Any]] | str:
    results = [variables[name] for name in (kernel, ring) if name in variables]
    if not results or results[0].get("unreachable"):
        return "unreachable"
    answers: dict[str, dict[str, t.Any]] = {}
    for result in results:
        answers.update(result.get("capabilities", {}))
        ways = result.get("setup", {})
        answers.update((f"io_uring_{way}" if way != "plain" else "io_uring", ways[way]) for way in ways)
    return answers or "failed"


class FilterModule:
    """Filters of the collection about probes."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"capability_table": capability_table_of_hosts}
