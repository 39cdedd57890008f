# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: promotion_report
short_description: Summarize the promotion of AppArmor profiles in a fleet
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Merges the verdicts of P(gofleet.hosts.promotion#filter) from several hosts, and for each service the rules that its profile needs on
    any of them.
positional: hosts
options:
  _input:
    description: The variable C(hostvars). The fact C(gofleet_promotion) of a host has its verdicts.
    type: dict
    required: true
  hosts:
    description: Names of the hosts.
    type: list
    elements: str
    required: true
  strict:
    description: Whether a profile that stays in complain mode makes its host red.
    type: bool
    default: false
"""

EXAMPLES = r"""
---
- name: Show the report
  ansible.builtin.debug:
    msg: "{{ (hostvars | gofleet.hosts.promotion_report(ansible_play_hosts_all)).lines }}"
"""

RETURN = r"""
_value:
  description: The report. RV(_value.services) is for a file, and RV(_value.lines) is for output.
  type: dict
  contains:
    services:
      description: Each service with its C(hosts), the C(rules) to add to its C(apparmor.rules), and in C(look_at) what to review first.
      type: dict
    lines:
      description: The same as text, with one line for each host and service.
      type: list
      elements: str
    red:
      description: Hosts on which a trial failed, hosts that did not answer, and, with O(strict), hosts on which a profile stays in complain
        mode.
      type: list
      elements: str
    broken:
      description: Hosts on which a trial failed.
      type: list
      elements: str
"""

import typing as t

from ..plugin_utils._promotion import promotion_report as sum_up


def promotion_report(
    hostvars: t.Mapping[str, t.Mapping[str, t.Any]], hosts: list[str], strict: bool = False
) -> dict[str, t.Any]:
    """Return the report of the given hosts."""
    return sum_up({host: hostvars[host].get("gofleet_promotion") or [] for host in hosts}, strict=strict)


class FilterModule:
    """Provide the filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"promotion_report": promotion_report}
