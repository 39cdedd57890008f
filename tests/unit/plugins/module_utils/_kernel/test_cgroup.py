# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.cgroup import cgroup_mode


@pytest.mark.parametrize(
    ("mounts", "mode"),
    [
        ([("/sys/fs/cgroup", "cgroup2")], "unified"),
        ([("/sys/fs/cgroup/unified", "cgroup2"), ("/sys/fs/cgroup/cpu", "cgroup")], "hybrid"),
        ([("/sys/fs/cgroup/cpu", "cgroup")], "legacy"),
        ([("/", "ext4")], None),
    ],
)
def test_cgroup_mode(mounts: list[tuple[str, str]], mode: str | None) -> None:
    assert cgroup_mode(mounts) == mode
