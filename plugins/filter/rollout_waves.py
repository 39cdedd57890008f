# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rollout_waves
short_description: Divide hosts into a canary and waves
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Orders hosts by a hash of their name and the salt. The order of two hosts does not depend on other hosts, and a greater share takes all
    hosts of a smaller one and more.
  - Every host is in exactly one wave. The remaining hosts are the last wave.
options:
  _input:
    description: Names of hosts.
    type: list
    elements: str
    required: true
  salt:
    description: A text that the order depends on, for example the name of the release.
    type: str
    required: true
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
    description: How many hosts, or which share, have been moved after each later wave.
    type: list
    elements: str
    default: [25%, 100%]
"""

EXAMPLES = r"""
- name: Show the waves
  ansible.builtin.debug:
    msg: "{{ groups['go_hosts'] | gofleet.hosts.rollout_waves(salt='1.4.2', canary=2, waves=['10%', '50%']) }}"
"""

RETURN = r"""
_value:
  description: The waves, each a list of hosts in their order.
  type: list
  elements: list
  sample: [[web3], [web1, web2]]
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._errors import HostError
from ..plugin_utils._rollout.waves import rollout_waves as _waves


def rollout_waves(
    hosts: list[str],
    *,
    salt: str,
    canary: t.Any = 1,
    canary_min: int = 1,
    canary_hosts: t.Sequence[str] = (),
    waves: t.Sequence[t.Any] = ("25%", "100%"),
) -> list[list[str]]:
    """Return the waves; an error becomes an error of the template."""
    try:
        return _waves(
            hosts, salt=salt, canary=canary, canary_min=canary_min, canary_hosts=canary_hosts, waves=waves
        )
    except HostError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Give Ansible the filter."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"rollout_waves": rollout_waves}
