# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.memory import (
    have_psi,
    have_thp,
    parse_pressure,
)

from .._probe.stand_in import host


def test_pressure_is_parsed() -> None:
    assert parse_pressure("some avg10=1.50 total=7\n") == {"some": {"avg10": 1.5, "total": 7.0}}
    assert parse_pressure("some avg10=x\n") == {}
    assert parse_pressure("\n") == {}


@pytest.mark.parametrize(
    ("text", "answer", "decided_by"),
    [
        ("always [madvise] never\n", "yes", "kernel"),
        ("always madvise [never]\n", "no", "sysctl"),
        ("\n", "unknown", "kernel"),
        (None, "no", "kernel"),
    ],
)
def test_the_mode_of_huge_pages_decides(
    tmp_path: pathlib.Path, text: str | None, answer: str, decided_by: str
) -> None:
    if text is not None:
        path = tmp_path / "sys" / "kernel" / "mm" / "transparent_hugepage" / "enabled"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    probe = have_thp(host({}, root=tmp_path))
    assert (probe.answer, probe.decided_by) == (answer, decided_by)


def test_pressure_that_cannot_be_read_is_unknown(tmp_path: pathlib.Path) -> None:
    assert have_psi(host({}, root=tmp_path)).answer == "no"
    (tmp_path / "proc" / "pressure" / "memory").mkdir(parents=True)
    assert have_psi(host({}, root=tmp_path)).answer == "unknown"
