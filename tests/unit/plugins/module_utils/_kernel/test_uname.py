# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.uname import have_btf

from .._probe.stand_in import host


def test_a_kernel_without_btf_is_no(tmp_path: pathlib.Path) -> None:
    assert have_btf(host({}, root=tmp_path)).answer == "no"
