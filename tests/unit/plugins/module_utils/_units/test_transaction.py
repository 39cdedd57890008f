# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._units import transaction

from .stand_in_systemd import Systemd, both, plan, store, tree


@pytest.fixture
def systemd(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    monkeypatch.setattr(transaction, "_SETTLE_SECONDS", 0.0)
    return Systemd(tmp_path)


def _fails_to_start_twice(systemd: Systemd) -> None:
    """The next start or restart of the service fails, those after it succeed."""
    left = [True]

    def refuses(verb: str, unit: str) -> bool:
        return verb in ("start", "restart") and unit == "x.service" and bool(left) and left.pop()

    systemd.refuses = refuses


@pytest.mark.parametrize("fault", ["start", "crash", "health"])
def test_a_failure_restores_the_old_service(systemd: Systemd, tmp_path: pathlib.Path, fault: str) -> None:
    store(tmp_path, "1", "2")
    plan(systemd, *both(tmp_path, "1")).apply()
    old = tree(tmp_path)
    unhealthy = {"health": {"url": "http://127.0.0.1:9/", "status": 200, "timeout": 0.1}}
    units = both(tmp_path, "2", **(unhealthy if fault == "health" else {}))
    units[0]["content"] += "Nice=1\n"
    planned = plan(systemd, *units)
    systemd.calls.clear()
    systemd.crashes = fault == "crash"
    if fault == "start":
        _fails_to_start_twice(systemd)
    with pytest.raises(HostError) as caught:
        planned.apply()
    message = str(caught.value)
    assert "bind: address already in use" in message
    assert ("FAILS" if fault == "health" else "The old x.service runs again") in message
    assert tree(tmp_path) == old
    assert systemd.running == {"x.service", "x.socket"}
    assert os.listdir(tmp_path / "run/gofleet.hosts/restart-owed") == []
    assert systemd.calls == [
        "daemon-reload",
        "restart x.service",
        "daemon-reload",
        "reset-failed x.service",
        "restart x.service",
    ]


def test_a_failure_on_a_new_host_removes_everything(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    store(tmp_path, "1")
    old = tree(tmp_path)
    planned = plan(systemd, *both(tmp_path, "1"))
    _fails_to_start_twice(systemd)
    with pytest.raises(HostError, match="None of these units ran before"):
        planned.apply()
    assert tree(tmp_path) == old
    assert (systemd.running, systemd.enabled) == (set(), set())


def test_a_service_that_stays_down_is_reported(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    store(tmp_path, "1", "2")
    plan(systemd, *both(tmp_path, "1")).apply()

    def refuses(verb: str, unit: str) -> bool:
        systemd.running.discard("x.service")
        return verb == "restart"

    planned = plan(systemd, *both(tmp_path, "2"))
    systemd.refuses = refuses
    with pytest.raises(HostError, match=r"x\.service does NOT run\. But x\.service: Job for"):
        planned.apply()


def test_an_unexpected_exception_restores_everything(
    systemd: Systemd, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path, "1")
    planned = plan(systemd, *both(tmp_path, "1"))
    old = tree(tmp_path)

    def broken(*arguments: t.Any, **more: t.Any) -> t.NoReturn:
        raise OSError("disk full")

    monkeypatch.setattr(transaction, "_check_started", broken)
    with pytest.raises(OSError, match="disk full"):
        planned.apply()
    assert tree(tmp_path) == old
    assert systemd.running == set()
