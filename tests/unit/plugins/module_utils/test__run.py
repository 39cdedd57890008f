# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed, host_runner


class Module:
    """Stands for AnsibleModule: one binary on the PATH, and what was run."""

    def __init__(self) -> None:
        self.ran: list[tuple[list[str], dict[str, t.Any]]] = []

    def get_bin_path(self, name: str) -> str | None:
        return f"/usr/sbin/{name}" if name == "tool" else None

    def run_command(self, argv: list[str], **options: t.Any) -> tuple[int, str, str]:
        self.ran.append((argv, options))
        return 3, "out", "err"


def test_a_command_runs_in_the_c_locale() -> None:
    module = Module()
    run = host_runner(t.cast("t.Any", module))
    assert run(["tool", "-x"], stdin="in", env={"A": "1"}) == Completed(3, "out", "err")
    assert module.ran == [
        (["/usr/sbin/tool", "-x"], {"data": "in", "environ_update": {"LC_ALL": "C", "LANG": "C", "A": "1"}})
    ]


def test_a_missing_binary_gives_status_127() -> None:
    module = Module()
    assert host_runner(t.cast("t.Any", module))(["none"]).rc == 127
    assert module.ran == []
