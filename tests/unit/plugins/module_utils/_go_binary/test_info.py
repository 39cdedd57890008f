# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary.info import read_go_binary_info

from .test_binaries import program

DEFAULTS: dict[str, t.Any] = {
    "paths": [],
    "processes": True,
    "dependencies": True,
    "checksum": False,
    "only_executable": True,
    "max_files": 500000,
    "max_bytes": 1 << 28,
    "newest_go": None,
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"processes": False}, "paths: wanted something to look at"),
        ({"paths": ["bin"]}, "path 'bin': wanted an absolute path"),
        ({"paths": ["/a\0b"]}, "wanted an absolute path"),
        ({"max_files": 0}, "max_files: wanted a number above 0; found 0"),
        ({"max_bytes": -1}, "max_bytes: wanted a number above 0; found -1"),
        ({"newest_go": "one"}, r"wanted a minor of Go like 1\.27"),
    ],
)
def test_options_that_make_no_sense_are_refused(changes: dict[str, t.Any], message: str) -> None:
    with pytest.raises(HostError, match=message):
        read_go_binary_info({**DEFAULTS, **changes}, root="/")


def test_what_the_programs_were_held_against(tmp_path: pathlib.Path) -> None:
    path = program(tmp_path / "app")
    found = read_go_binary_info({**DEFAULTS, "paths": [str(path)], "newest_go": "1.28"}, root=str(tmp_path))
    assert [one["supported"] for one in found["binaries"]] == ["no"]
    assert (found["newest_go"]["version"], found["newest_go"]["certain"]) == ("1.28", True)
    assert found["host"]["machine"] == os.uname().machine
    assert (found["host"]["kernel"], found["host"]["glibc"], found["host"]["goamd64"]) == (None, None, None)
    assert set(found) == {"binaries", "passed_over", "counts", "newest_go", "host", "caller"}
    assert "skipped" not in found  # by that word Ansible would take the task for skipped
