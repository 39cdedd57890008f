# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: probe_metrics
short_description: Format the facts of a host as metrics for the node exporter
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Returns the text of a file for the textfile collector of the node exporter.
  - The text contains no time, so the file of an unchanged host does not change. The exporter reports the time of the file in
    C(node_textfile_mtime_seconds).
positional: _input
options:
  _input:
    description: The facts of the host, as P(gofleet.hosts.fleet_host#filter) returns them.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Write the metrics of the host for the node exporter
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
from ..plugin_utils._fleet.untag import untag


def _filter(facts: t.Any) -> str:
    """Return the text of the file for the textfile collector."""
    if not isinstance(facts, Mapping) or "capabilities" not in facts:
        raise AnsibleFilterError(
            "gofleet.hosts.probe_metrics: wanted the fact gofleet of a host; found something else. "
            "Make it with gofleet.hosts.fleet_host."
        )
    return metrics_of(untag(facts))


class FilterModule:
    """The filter of the collection with this name."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"probe_metrics": _filter}
