# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._units import transaction
from ansible_collections.gofleet.hosts.plugins.module_utils._units.spec import MARKER

from .stand_in_systemd import SERVICE, Systemd, both, plan, store


@pytest.fixture
def systemd(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    monkeypatch.setattr(transaction, "_SETTLE_SECONDS", 0.0)
    return Systemd(tmp_path)


def test_a_new_host_gets_files_release_enablement_and_processes(
    systemd: Systemd, tmp_path: pathlib.Path
) -> None:
    store(tmp_path, "1")
    planned = plan(systemd, *both(tmp_path, "1"))
    (verified,) = systemd.calls
    assert verified.startswith("systemd-analyze verify")
    assert list(systemd.etc.iterdir()) == []
    assert planned.after["x.service"] == {"active": True, "release": "1"}
    assert planned.after[str(systemd.etc / "x.service")] == MARKER + "\n" + SERVICE
    assert planned.result["started"] == ["x.socket", "x.service"]
    assert planned.apply() == {"active": {"x.service": "active", "x.socket": "active"}}
    assert systemd.calls[1:] == [
        "enable --no-reload x.socket",
        "daemon-reload",
        "start x.socket",
        "start x.service",
    ]
    assert os.readlink(tmp_path / "opt/x/current") == "1"


def test_an_unchanged_run_needs_one_command(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    store(tmp_path, "1")
    plan(systemd, *both(tmp_path, "1")).apply()
    systemd.reads, systemd.calls[:] = 0, []
    planned = plan(systemd, *both(tmp_path, "1"))
    assert planned.before == planned.after
    assert planned.before["x.service"]["runs"] == "current"
    assert (systemd.reads, systemd.calls) == (1, [])


def test_a_new_release_restarts_only_the_service(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    store(tmp_path, "1", "2")
    plan(systemd, *both(tmp_path, "1")).apply()
    systemd.calls.clear()
    planned = plan(systemd, *both(tmp_path, "2"))
    assert planned.before["x.service"]["runs"] == "stale (release 1 is current)"
    assert planned.result["restarted"] == ["x.service"]
    planned.apply()
    assert systemd.calls == ["restart x.service"]
    assert os.readlink(tmp_path / "opt/x/current") == "2"


def test_a_missing_release_changes_nothing(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    planned = plan(systemd, *both(tmp_path, "1"))
    with pytest.raises(HostError, match="Install this version"):
        planned.apply()
    assert list(systemd.etc.iterdir()) == []
    assert not (tmp_path / "opt").exists()


def test_the_next_run_finishes_a_killed_run(
    systemd: Systemd, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path, "1", "2")
    plan(systemd, *both(tmp_path, "1")).apply()
    planned = plan(systemd, *both(tmp_path, "2"))
    with monkeypatch.context() as patch:
        patch.setattr(transaction, "_start", lambda *steps, **more: os._exit)
        patch.setattr(transaction, "_check_started", lambda *steps, **more: {})
        patch.setattr(transaction, "clear_pending_restarts", lambda *names, **more: None)
        planned.apply()
    systemd.calls.clear()
    again = plan(systemd, *both(tmp_path, "2"))
    assert again.before["x.service"]["runs"] == "stale (an earlier run was interrupted before the restart)"
    again.apply()
    assert systemd.calls == ["restart x.service"]
    last = plan(systemd, *both(tmp_path, "2"))
    assert last.before == last.after


def test_a_changed_drop_in_restarts_its_service_and_can_be_removed(
    systemd: Systemd, tmp_path: pathlib.Path
) -> None:
    store(tmp_path, "1")
    plan(systemd, *both(tmp_path, "1")).apply()
    drop_in = {"name": "x.service.d/10-a.conf", "content": "[Service]\nNice=1\n"}
    planned = plan(systemd, *both(tmp_path, "1"), drop_in)
    assert planned.result["restarted"] == ["x.service"]
    planned.apply()
    assert (systemd.etc / "x.service.d/10-a.conf").exists()
    plan(systemd, *both(tmp_path, "1"), {"name": "x.service.d/10-a.conf", "state": "absent"}).apply()
    assert not (systemd.etc / "x.service.d").exists()


def test_absent_stops_disables_and_removes(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    store(tmp_path, "1")
    plan(systemd, *both(tmp_path, "1")).apply()
    systemd.calls.clear()
    absent = [{"name": name, "state": "absent"} for name in ("x.service", "x.socket")]
    plan(systemd, *absent).apply()
    assert systemd.calls == [
        "stop x.socket",
        "stop x.service",
        "disable --no-reload x.socket",
        "daemon-reload",
    ]
    assert list(systemd.etc.iterdir()) == []
    again = plan(systemd, *absent)
    assert again.before == again.after


def test_a_unit_of_a_package_is_never_removed(systemd: Systemd) -> None:
    systemd.packaged, systemd.running = {"ssh.service"}, {"ssh.service"}
    planned = plan(systemd, {"name": "ssh.service", "state": "absent"})
    assert planned.before == planned.after == {}


@pytest.mark.parametrize("state", ["started", "absent"])
@pytest.mark.parametrize("link", [False, True])
def test_a_foreign_file_is_left_alone_unless_adopted(systemd: Systemd, state: str, link: bool) -> None:
    file = systemd.etc / "x.timer"
    if link:
        file.symlink_to("/dev/null")
    else:
        file.write_text("[Timer]\n")
    unit = {"name": "x.timer", "state": state, "content": "[Timer]\nOnBootSec=1\n"}
    with pytest.raises(HostError, match="adopt"):
        plan(systemd, unit)
    planned = plan(systemd, {**unit, "adopt": True})
    systemd.refuses = lambda verb, name: verb == "daemon-reload"
    with pytest.raises(HostError, match="daemon-reload"):
        planned.apply()
    assert (os.readlink(file) == "/dev/null") if link else (file.read_text() == "[Timer]\n")
    systemd.refuses = lambda verb, name: False
    plan(systemd, {**unit, "adopt": True}).apply()
    assert not file.is_symlink()
    assert file.exists() == (state == "started")


def test_a_missing_unit_without_content_is_refused(systemd: Systemd) -> None:
    with pytest.raises(HostError, match="LoadState=not-found"):
        plan(systemd, {"name": "x.service", "state": "started"})
