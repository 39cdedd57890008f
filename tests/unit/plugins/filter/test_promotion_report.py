# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.gofleet.hosts.plugins.filter.promotion_report import FilterModule


def test_the_filter_summarizes_the_facts_of_the_hosts() -> None:
    decision = {"service": "hello", "verdict": "kept", "reason": "denials", "rules": [], "unanswered": []}
    hostvars = {"a": {"gofleet_promotion": [decision]}, "b": {}, "other": {"gofleet_promotion": [decision]}}
    report = FilterModule().filters()["promotion_report"](hostvars, ["a", "b"], strict=True)
    assert report["services"] == {"hello": {"hosts": {"a": "kept: denials"}, "rules": [], "look_at": {}}}
    assert report["red"] == ["a"]
