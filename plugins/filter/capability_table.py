# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Format the answers of kernel_info and io_uring_info of many hosts as one table of plain text."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ..plugin_utils._fleet.capability_table import capability_table

DOCUMENTATION = r"""
name: capability_table
short_description: Show the capabilities of many hosts in one table of plain text
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Takes the variables of all hosts and returns the lines of a table with one row for each capability and one column for each host.
  - A cell contains the answer. If a layer other than the kernel decided, its name follows in brackets, and the reason is
    shown below the table.
  - A host without results is shown as C(unreachable) or C(failed).
  - Hosts that do not fit into O(width) are shown in more tables below the first one.
positional: hosts
options:
  _input:
    description: The variables of the hosts by host name, such as C(hostvars).
    type: dict
    required: true
  hosts:
    description: The hosts to show, in this order.
    type: list
    elements: str
    required: true
  kernel:
    description: Name of the variable with the registered result of M(gofleet.hosts.kernel_info).
    type: str
    default: __probe_kernel
  ring:
    description: Name of the variable with the registered result of M(gofleet.hosts.io_uring_info).
    type: str
    default: __probe_ring
  width:
    description: The most characters in a line, unless the column of one host needs more.
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
    """Return the lines of the table.

    :param hostvars: the variables of the hosts by host name
    :param hosts: the hosts to show, in this order
    :param kernel: name of the variable with the result of kernel_info
    :param ring: name of the variable with the result of io_uring_info
    :param width: the most characters in a line
    :raises AnsibleFilterError: if ``hosts`` is not a list
    """
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
        setups = result.get("setup", {})
        answers.update(
            (f"io_uring_{name}" if name != "plain" else "io_uring", setups[name]) for name in setups
        )
    return answers or "failed"


class FilterModule:
    """The filter of the collection with this name."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"capability_table": capability_table_of_hosts}
