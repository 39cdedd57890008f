# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: promotion_report
short_description: Sum up what became of the AppArmor profiles of a fleet
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Puts the verdicts of P(gofleet.hosts.promotion#filter) of several hosts together, and for each service the rules that its profile
    would need on any of them.
positional: hosts
options:
  _input:
    description: C(hostvars). The verdicts of a host are its fact C(gofleet_promotion).
    type: dict
    required: true
  hosts:
    description: Names of the hosts.
    type: list
    elements: str
    required: true
  strict:
    description: Whether a profile that stays in V(complain) makes its host red.
    type: bool
    default: false
"""

EXAMPLES = r"""
---
- name: Show what is to be done
  ansible.builtin.debug:
    msg: "{{ (hostvars | gofleet.hosts.promotion_report(ansible_play_hosts_all)).lines }}"
"""

RETURN = r"""
_value:
  description: RV(_value.services) is for a file, RV(_value.lines) to print.
  type: dict
  contains:
    services:
      description: Each service with its C(hosts), the C(rules) to add to its C(apparmor.rules), and what to C(look_at) before.
      type: dict
    lines:
      description: The same as text, and a line for each host and service.
      type: list
      elements: str
    red:
      description: Hosts on which a trial failed, that could not be asked, or, if O(strict), on which a profile stays in V(complain).
      type: list
      elements: str
    broken:
      description: Those of them on which a trial failed.
      type: list
      elements: str
"""

import typing as t

from ..plugin_utils._promotion import promotion_report as sum_up


def promotion_report(
    hostvars: t.Mapping[str, t.Mapping[str, t.Any]], hosts: list[str], strict: bool = False
) -> dict[str, t.Any]:
    """The filter."""
    return sum_up({host: hostvars[host].get("gofleet_promotion") or [] for host in hosts}, strict=strict)


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"promotion_report": promotion_report}
