# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of the files. Each has hosts of its own, so they run side by side, and the long ones start first."""

from __future__ import annotations

import pytest

FIRST = ["test_rollout_killed", "test_rollout", "test_go_devtools", "test_restart_load", "test_go_service"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: FIRST.index(item.path.stem) if item.path.stem in FIRST else len(FIRST))
