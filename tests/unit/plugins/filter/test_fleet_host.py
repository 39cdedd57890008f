# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gofleet.hosts.plugins.filter.fleet_host import FilterModule

fleet_host = FilterModule().filters()["fleet_host"]


def test_results_become_facts() -> None:
    facts = fleet_host(
        {"kernel_info": {"capabilities": {}, "values": {}}, "io_uring_info": {"skipped": True}}
    )
    assert facts["state"] == "answered"
    assert fleet_host({"kernel_info": {"unreachable": True}})["state"] == "unreachable"


@pytest.mark.parametrize("value", [None, [], "text"])
def test_other_values_are_rejected(value: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="wanted results by the name of the module"):
        fleet_host(value)
