# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_host
short_description: Reduce the results of the probing modules to the facts of one host
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Removes process ids, counters and times from the results of the probing modules, so that an unchanged host gives the same value
    in each run.
  - The value is meant for a fact, which may be cached. The playbook C(gofleet.hosts.probe) sets it as the fact C(gofleet).
  - C(state) and C(problems) show modules that failed or did not reach the host. A skipped module is ignored.
positional: _input
options:
  _input:
    description: The registered results, by the short name of the module, such as C(kernel_info).
    type: dict
    required: true
seealso:
  - plugin: gofleet.hosts.fleet_report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Set the facts of a host
  ansible.builtin.set_fact:
    gofleet: "{{ {'kernel_info': kernel, 'go_binary_info': go} | gofleet.hosts.fleet_host }}"
    cacheable: true
"""

RETURN = r"""
_value:
  description:
    - The facts of the host. C(state) is C(answered), C(partly), C(failed) or C(unreachable).
    - C(capabilities) contains each answer by C(area/name), for example C(io_uring/sqpoll).
  type: dict
  sample:
    state: answered
    problems: []
    kernel: {release: 6.12.0-1-amd64, goarch: amd64, level: v3}
    capabilities:
      kernel/psi: {answer: "yes", decided_by: kernel, reason: /proc/pressure/memory is readable}
"""

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ..plugin_utils._fleet.host import host_facts
from ..plugin_utils._fleet.untag import untag


def _filter(results: t.Any) -> dict[str, t.Any]:
    """Return the facts of one host from the registered results by the name of the module."""
    if not isinstance(results, Mapping):
        raise AnsibleFilterError(
            f"gofleet.hosts.fleet_host: wanted results by the name of the module; found {type(results).__name__}. "
            "Write {'kernel_info': kernel} | gofleet.hosts.fleet_host."
        )
    return host_facts(untag(results))


class FilterModule:
    """The filter of the collection with this name."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"fleet_host": _filter}
