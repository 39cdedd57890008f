# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gofleet.hosts.plugins.filter.fleet_host import FilterModule as HostModule
from ansible_collections.gofleet.hosts.plugins.filter.probe_metrics import FilterModule

probe_metrics = FilterModule().filters()["probe_metrics"]


def test_facts_become_metrics() -> None:
    psi = {"answer": "yes", "decided_by": "kernel", "reason": "tried"}
    facts = HostModule().filters()["fleet_host"](
        {"kernel_info": {"capabilities": {"psi": psi}, "values": {}}}
    )
    assert (
        'gofleet_capability{capability="kernel/psi",answer="yes",decided_by="kernel"} 1\n'
        in probe_metrics(facts)
    )


@pytest.mark.parametrize("value", [None, {}, "text"])
def test_other_values_are_rejected(value: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="wanted the fact gofleet"):
        probe_metrics(value)
