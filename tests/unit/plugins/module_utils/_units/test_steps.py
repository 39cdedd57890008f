# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.policy import Kernel
from ansible_collections.gofleet.hosts.plugins.module_utils._units.spec import parse_units
from ansible_collections.gofleet.hosts.plugins.module_utils._units.state import Found
from ansible_collections.gofleet.hosts.plugins.module_utils._units.steps import Steps, plan_steps

UP = {"ActiveState": "active"}
DOWN = {"ActiveState": "inactive"}


def _steps(
    entries: list[dict[str, t.Any]],
    shown: dict[str, dict[str, str]],
    *stale: str,
    differing: t.Sequence[str] = (),
) -> Steps:
    found = Found({}, shown, {}, {"x.socket": ["x.service"]}, frozenset(), Kernel({}, None))
    return plan_steps(
        parse_units(entries), found, differing=differing, stale={name: ["why"] for name in stale}
    )


SOCKET = {"name": "x.socket", "state": "started"}
SERVICE = {"name": "x.service", "state": "started"}
LAZY = {"name": "x.service"}


@pytest.mark.parametrize(
    ("entries", "running", "stale", "sequence"),
    [
        ([SERVICE, SOCKET], [], [], [("start", "x.socket"), ("start", "x.service")]),
        ([SERVICE, SOCKET], ["x.socket", "x.service"], [], []),
        ([SERVICE, SOCKET], ["x.socket", "x.service"], ["x.service"], [("restart", "x.service")]),
        (
            [SERVICE, SOCKET],
            ["x.service"],
            [],
            [("stop", "x.service"), ("start", "x.socket"), ("start", "x.service")],
        ),
        # The service of a socket may be missing in the list.
        ([SOCKET], ["x.service"], [], [("stop", "x.service"), ("start", "x.socket"), ("start", "x.service")]),
        (
            [SOCKET, LAZY],
            ["x.socket", "x.service"],
            ["x.socket", "x.service"],
            [("stop", "x.service"), ("restart", "x.socket"), ("start", "x.service")],
        ),
        ([SOCKET, LAZY], [], [], [("start", "x.socket")]),
        ([SOCKET, LAZY], ["x.socket"], [], []),
        # Stopped by an interrupted run.
        ([SOCKET, LAZY], ["x.socket"], ["x.service"], [("start", "x.service")]),
        ([{"name": "x.timer", "state": "started"}], ["x.timer"], ["x.timer"], [("restart", "x.timer")]),
    ],
)
def test_the_sequence(
    entries: list[dict[str, t.Any]], running: list[str], stale: list[str], sequence: list[tuple[str, str]]
) -> None:
    shown = {name: UP if name in running else DOWN for name in ("x.socket", "x.service", "x.timer")}
    steps = _steps(entries, shown, *stale)
    assert steps.sequence == sequence
    assert not steps.reload
    assert set(steps.restarted) <= set(running)
    assert not set(steps.started) & set(running)


def test_a_stopped_service_is_not_started_with_its_socket() -> None:
    steps = _steps([SOCKET, {"name": "x.service", "state": "stopped"}], {"x.socket": DOWN, "x.service": UP})
    assert steps.stop == ["x.service"]
    assert ("start", "x.service") not in steps.sequence


def test_a_service_that_waits_for_a_restart_is_started_or_stopped() -> None:
    shown = {"x.service": {"ActiveState": "activating", "SubState": "auto-restart"}}
    assert _steps([SERVICE], shown).sequence == [("start", "x.service")]
    assert _steps([{"name": "x.service", "state": "stopped"}], shown).stop == ["x.service"]


def test_a_socket_is_stopped_before_its_service() -> None:
    entries = [{"name": "x.service", "state": "absent"}, {"name": "x.socket", "state": "absent"}]
    assert _steps(entries, {"x.socket": UP, "x.service": UP}).stop == ["x.socket", "x.service"]


@pytest.mark.parametrize(
    ("enabled", "state", "differs", "steps"),
    [
        (True, "disabled", False, (["x.timer"], [], [])),
        (True, "enabled", False, ([], [], [])),
        (True, "enabled", True, ([], ["x.timer"], [])),
        (False, "enabled", False, ([], [], ["x.timer"])),
        (False, "disabled", True, ([], [], [])),
        (None, "enabled", True, ([], [], [])),
    ],
)
def test_enablement(enabled: bool | None, state: str, differs: bool, steps: tuple[list[str], ...]) -> None:
    content = "[Timer]\nOnBootSec=1\n[Install]\nWantedBy=timers.target\n"
    entry = {"name": "x.timer", "content": content, "enabled": enabled}
    shown = {"x.timer": {**DOWN, "UnitFileState": state}}
    done = _steps([entry], shown, differing=["x.timer"] if differs else [])
    assert (done.enable, done.reenable, done.disable) == steps
    assert done.reload == (differs or bool(done.enable or done.disable))


def test_unread_files_need_a_reload() -> None:
    assert _steps([LAZY], {"x.service": {**DOWN, "NeedDaemonReload": "yes"}}).reload
