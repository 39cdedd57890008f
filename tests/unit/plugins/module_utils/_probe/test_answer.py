# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.gofleet.hosts.plugins.module_utils._probe.answer import no, unknown, yes


def test_yes_no_and_unknown_are_reported() -> None:
    assert yes("kernel", "x").report() == {"answer": "yes", "decided_by": "kernel", "reason": "x"}
    assert no("sysctl", "x").answer == "no"
    assert unknown("kernel", "x").answer == "unknown"
