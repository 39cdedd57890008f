# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._inner_link import leads_inside


@pytest.mark.parametrize(
    ("path", "target", "inside"),
    [
        ("link", "x", True),
        ("a/link", "../x", True),
        ("a/b/link", "../../x/./y", True),
        ("link", "./a//b", True),
        ("link", "..", False),
        ("a/link", "../..", False),
        ("a/link", "b/../../x", False),
        ("link", "/etc/passwd", False),
    ],
)
def test_leads_inside(path: str, target: str, inside: bool) -> None:
    assert leads_inside(path, target) is inside
