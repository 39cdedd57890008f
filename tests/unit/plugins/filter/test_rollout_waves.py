# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.gofleet.hosts.plugins.filter.rollout_waves import FilterModule

WAVES = FilterModule().filters()["rollout_waves"]


def test_waves_with_what_a_playbook_gives() -> None:
    found = WAVES(["a", "b", "c"], salt="1", canary="2", waves=["100%"])
    assert [len(wave) for wave in found] == [2, 1]
    assert WAVES(["a", "b", "c"], salt="1", canary_hosts=["c"])[0] == ["c"]


def test_an_error_is_one_of_the_template() -> None:
    with pytest.raises(AnsibleFilterError, match="a number of hosts"):
        WAVES(["a"], salt="1", canary="some")
