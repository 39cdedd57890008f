# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gofleet.hosts.plugins.filter.go_service_plan import FilterModule

FILTER = FilterModule().filters()["go_service_plan"]


def test_the_filter_returns_the_plan() -> None:
    plan = FILTER(
        [{"name": "hello", "artefact": {"file": "x"}}], root="/opt/gofleet", versions={"hello": "1"}
    )
    assert sorted(plan) == ["old_profiles", "profiles", "releases", "sets", "units"]


def test_an_error_becomes_an_error_of_the_template() -> None:
    with pytest.raises(AnsibleFilterError, match="service hello: wanted an artefact"):
        FILTER([{"name": "hello"}], root="/opt/gofleet")
