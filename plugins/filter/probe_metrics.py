# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: probe_metrics
short_description: What a host can do, as metrics for the node exporter
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Gives the text of a file for the textfile collector of the node exporter.
  - It holds no time, so an unchanged host has an unchanged file. The exporter tells the age of the file as
    C(node_textfile_mtime_seconds).
positional: _input
options:
  _input:
    description: The host, as P(gofleet.hosts.fleet_host#filter) gives it.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Hand what the host can do to the node exporter
  ansible.builtin.copy:
    dest: /var/lib/prometheus/node-exporter/gofleet.prom
    content: "{{ gofleet | gofleet.hosts.probe_metrics }}"
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The text of the file.
  type: str
  sample: gofleet_capability{capability="kernel/psi",answer="yes",decided_by="kernel"} 1
"""

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ..plugin_utils._fleet.metrics import metrics_of
from ..plugin_utils._fleet.untag import plain


def _filter(facts: t.Any) -> str:
    if not isinstance(facts, Mapping) or "capabilities" not in facts:
        raise AnsibleFilterError(
            "gofleet.hosts.probe_metrics: wanted the fact gofleet of a host; found something else. "
            "Make it with gofleet.hosts.fleet_host."
        )
    return metrics_of(plain(facts))


class FilterModule:
    """The filter of the collection with this name."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"probe_metrics": _filter}
