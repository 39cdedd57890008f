# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.gofleet.hosts.plugins.filter.promotion import FilterModule

PLAN = {"profiles": [{"name": "gofleet.hello", "mode": "complain_first"}], "units": []}


def test_the_filter_returns_decisions() -> None:
    judge = FilterModule().filters()["promotion"]
    (decision,) = judge({"unreachable": True, "msg": "down"}, PLAN)
    assert (decision["verdict"], decision["reason"]) == ("unreachable", "down")
    assert judge({"profiles": {}}, PLAN, services=["other"]) == []
