# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus.counters import increases


@pytest.mark.parametrize(
    ("readings", "grown"),
    [
        ([], {}),
        ([{"a": 5}], {"a": 0}),
        ([{"a": 5}, {"a": 5}, {"a": 9}], {"a": 4}),
        # Restarted in between: what was counted before, and all after.
        ([{"a": 5}, {"a": 7}, {"a": 3}, {"a": 4}], {"a": 2 + 3 + 1}),
        # The first error of the service.
        ([{"a": 5}, {"a": 6, "b": 2}], {"a": 1, "b": 2}),
        # Restarted, and no error again yet; then one.
        ([{"b": 4}, {}, {"b": 1}], {"b": 1}),
        # From the start of the process.
        ([{}, {"a": 7}], {"a": 7}),
    ],
)
def test_growth(readings: list[dict[str, float]], grown: dict[str, float]) -> None:
    assert increases(readings) == grown
