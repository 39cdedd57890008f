# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test which lines our file needs for the next boot. The test of the module covers the rest."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._sysctl.plan import HEADER, plan_profile
from ansible_collections.gofleet.hosts.plugins.module_utils._sysctl.setting import Setting

KEY = "net.core.somaxconn"


@pytest.mark.parametrize(
    ("live", "held", "other", "line"),
    [
        # live, our line before, another file's line -> our line after; 16 is wanted
        ("4", None, None, "16"),
        ("16", None, None, None),  # may be the kernel's own default
        ("99", None, None, None),
        ("16", "16", None, "16"),
        ("99", "16", None, "99"),
        ("16", "8", None, "16"),
        ("16", None, "8", "16"),
        ("99", None, "8", "99"),
        ("99", "16", "64", None),
        ("4", None, "64", None),  # raised now, and boot gives enough
    ],
)
def test_our_file_has_a_line_only_where_a_boot_needs_it(
    tmp_path: pathlib.Path, live: str, held: str | None, other: str | None, line: str | None
) -> None:
    (tmp_path / "proc/sys/net/core").mkdir(parents=True)
    (tmp_path / "proc/sys/net/core/somaxconn").write_text(f"{live}\n")
    (tmp_path / "etc/sysctl.d").mkdir(parents=True)
    path = tmp_path / "etc/sysctl.d/60-gofleet.conf"
    if held:
        path.write_text(f"{HEADER}{KEY} = {held}\n")
    if other:
        (tmp_path / "etc/sysctl.d/50-other.conf").write_text(f"{KEY} = {other}\n")
    setting = Setting(KEY, KEY.replace(".", "/"), "16", "at_least")
    plan = plan_profile([setting], path=os.fspath(path), state="present", root=os.fspath(tmp_path))
    text = plan.after.get(os.fspath(path), "")
    assert text.partition(f"{KEY} = ")[2].strip() == (line or "")
    assert plan.after[KEY] == str(max(int(live), 16))
