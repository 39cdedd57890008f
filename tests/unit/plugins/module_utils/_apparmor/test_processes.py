# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.processes import (
    Process,
    attachment,
    attachment_pattern,
    is_confined,
    processes_to_restart,
    read_processes,
)


@pytest.mark.parametrize(
    ("header", "path"),
    [
        ("profile p /opt/x/*/x flags=(attach_disconnected) {", "/opt/x/*/x"),
        ('profile "p" "/opt/a b/x" {', "/opt/a b/x"),
        ("profile p /{usr/,}bin/x {", "/{usr/,}bin/x"),
        ("profile p {", ""),
        ("profile p flags=(complain) {", ""),
        ("# profile p /no {\nprofile p /yes {", "/yes"),
        ("profile other /no {", ""),
    ],
)
def test_attachment(header: str, path: str) -> None:
    assert attachment(header, profile="p") == path


@pytest.mark.parametrize(
    ("pattern", "program", "matches"),
    [
        ("/opt/x/*/x", "/opt/x/1.0/x", True),
        ("/opt/x/*/x", "/opt/x/1.0/sub/x", False),
        ("/opt/**", "/opt/x/1.0/x", True),
        ("/{usr/,}bin/x", "/usr/bin/x", True),
        ("/{usr/,}bin/x", "/bin/x", True),
        ("/bin/[ab]?", "/bin/ac", True),
        ("/bin/[ab]?", "/bin/cc", False),
        (r"/bin/\*", "/bin/*", True),
        (r"/bin/\*", "/bin/x", False),
        ("/a.b", "/axb", False),
    ],
)
def test_attachment_pattern(pattern: str, program: str, matches: bool) -> None:
    compiled = attachment_pattern(pattern)
    assert compiled is not None
    assert bool(compiled.fullmatch(program)) == matches


@pytest.mark.parametrize("pattern", ["", "@{bin}/x", "/a{b", "/a[z-a]"])
def test_unsupported_patterns_give_none(pattern: str) -> None:
    assert attachment_pattern(pattern) is None


def test_processes_to_restart() -> None:
    processes = [
        Process(1, "/opt/x/1/x", "unconfined"),
        Process(2, "/opt/x/1/x (deleted)", "unconfined"),
        Process(3, "/opt/x/1/x", "p (enforce)"),
        Process(4, "/opt/x/1/x", "p//child (enforce)"),
        Process(5, "/bin/true", "p//null-/bin/true (complain)"),
        Process(6, "/bin/true", "unconfined"),
    ]
    found = processes_to_restart(processes, profile="p", content="profile p /opt/x/*/x {", enforced=True)
    assert [process.pid for process in found] == [1, 2, 5]
    # While the profile complains, a process in a //null- profile needs no restart.
    found = processes_to_restart(processes, profile="p", content="profile p /opt/x/*/x {", enforced=False)
    assert [process.pid for process in found] == [1, 2]
    assert [p.pid for p in processes if is_confined(p, profile="p")] == [3]


def test_processes_are_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / "7/attr/apparmor").mkdir(parents=True)
    (tmp_path / "7/exe").symlink_to("/opt/gofleet/a/1/a")
    (tmp_path / "7/attr/apparmor/current").write_text("gofleet.a (complain)\n")
    (tmp_path / "8").mkdir()
    (tmp_path / "stat").write_text("cpu 1\n")
    assert read_processes(proc=str(tmp_path)) == [Process(7, "/opt/gofleet/a/1/a", "gofleet.a (complain)")]
