# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gofleet.hosts.plugins.filter.rollout_gates import FilterModule
from ansible_collections.gofleet.hosts.plugins.module_utils._gate.condition import parse_conditions

GATES = FilterModule().filters()["rollout_gates"]
SERVICES = [{"name": "hello", "port": 8080, "artefact": {"file": "hello"}}]
FOUND = {
    "units": [{"name": "hello.service", "state": "started"}, {"name": "hello.socket", "state": "started"}],
    "releases": {"hello": {"programs": {"hello.service": "/opt/gofleet/hello/2/hello"}}},
}


def test_a_description_becomes_conditions_that_the_gate_takes() -> None:
    gates = [{"name": "errors", "kind": "ratio", "metric": "r", "max": 0.1}]
    made = GATES(SERVICES, FOUND, gates=gates)
    assert [one["name"] for one in made] == [
        "hello.service active",
        "hello.service restarts",
        "hello.service version",
        "hello.service health",
        "hello errors",
    ]
    assert made[-1]["url"] == "http://127.0.0.1:8080/metrics"
    given = [{"kind": "value", **one} for one in made]
    assert len(parse_conditions(given, url=None, unix_socket=None, prometheus=None)) == 5


def test_an_error_is_one_of_the_template() -> None:
    with pytest.raises(AnsibleFilterError, match="wanted a name"):
        GATES([{**SERVICES[0], "name": "Not a name"}], FOUND)
