# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_service_info import read_go_service_info

from ._units.stand_in_systemd import SOCKET, Systemd, both, plan, store, tree


@pytest.fixture
def systemd(tmp_path: pathlib.Path) -> Systemd:
    store(tmp_path, "1.0", "2.0")
    return Systemd(tmp_path)


def service(root: pathlib.Path) -> str:
    return f"[Service]\nExecStart={root}/opt/x/current/x -v\n"


def wanted(root: pathlib.Path, version: str, **more: t.Any) -> list[dict[str, t.Any]]:
    unit, socket = both(root, version, enabled=None, **more)
    return [{**unit, "content": unit["content"].replace("/opt/x", f"{root}/opt/x")}, socket]


def info(
    systemd: Systemd, root: pathlib.Path, *more: str, profiles: t.Sequence[str] = ()
) -> dict[str, t.Any]:
    params = {
        "units": ["x.service", "x.socket", *more],
        "releases": ["x"],
        "profiles": list(profiles),
        "root": str(root / "opt"),
        "unit_path": str(systemd.etc),
        "profile_path": str(root / "apparmor.d"),
    }
    return read_go_service_info(params, run=systemd, roots=systemd.roots)


def test_a_host_without_services(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    found = info(systemd, tmp_path)
    assert found["units"] == [{"name": n, "state": "absent"} for n in ("x.service", "x.socket")]
    assert found["releases"]["x"]["version"] is None
    assert found["releases"]["x"]["running"] == {}


def test_the_result_restores_the_host(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    plan(systemd, *wanted(tmp_path, "1.0")).apply()
    before, found = tree(systemd.etc), info(systemd, tmp_path)
    changed = [*wanted(tmp_path, "2.0"), {"name": "x.service.d/10-more.conf", "content": "[Service]\nNice=1"}]
    changed[0]["content"] += "Environment=NEW=1\n"
    again = info(systemd, tmp_path, "x.service.d/10-more.conf")
    plan(systemd, *changed).apply()
    assert tree(systemd.etc) != before
    assert os.readlink(tmp_path / "opt/x/current") == "2.0"
    systemd.calls.clear()
    plan(systemd, *again["units"]).apply()
    assert tree(systemd.etc) == before
    assert os.readlink(tmp_path / "opt/x/current") == "1.0"
    assert "restart x.service" in systemd.calls
    assert info(systemd, tmp_path)["units"] == found["units"]
    # A second time there is nothing to do.
    once_more = plan(systemd, *again["units"])
    assert once_more.before == once_more.after


def test_units_that_were_missing_are_removed(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    empty = info(systemd, tmp_path)
    plan(systemd, *wanted(tmp_path, "1.0")).apply()
    plan(systemd, *empty["units"]).apply()
    assert tree(systemd.etc) == {}
    assert systemd.running == set()


def test_a_stopped_unit_a_template_and_a_foreign_file(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    plan(systemd, *wanted(tmp_path, "1.0"), {"name": "y@.service", "content": service(tmp_path)}).apply()
    systemd.running.discard("x.service")
    (systemd.etc / "z.socket").write_text(SOCKET)
    units = {one["name"]: one for one in info(systemd, tmp_path, "y@.service", "z.socket")["units"]}
    assert units["x.service"]["state"] == "stopped"
    assert units["y@.service"] == {"name": "y@.service", "content": service(tmp_path)}
    assert units["z.socket"] == {"name": "z.socket", "state": "stopped", "enabled": False}


def test_the_version_that_runs(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    plan(systemd, *wanted(tmp_path, "2.0")).apply()
    systemd.restarts = 2
    assert info(systemd, tmp_path)["restarts"] == {"x.service": 2}
    (tmp_path / "proc/0").mkdir(parents=True)
    os.symlink(tmp_path / "opt/x/1.0/x", tmp_path / "proc/0/exe")
    release = info(systemd, tmp_path)["releases"]["x"]
    assert (release["version"], release["running"]) == ("2.0", {"x.service": "1.0"})
    assert release["path"] == str(tmp_path / "opt/x")
    assert release["programs"] == {"x.service": str(tmp_path / "opt/x/1.0/x")}
    os.unlink(tmp_path / "proc/0/exe")
    os.symlink("/usr/bin/python3", tmp_path / "proc/0/exe")
    assert info(systemd, tmp_path)["releases"]["x"]["running"] == {"x.service": None}


def test_profiles(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    assert info(systemd, tmp_path, profiles=["gofleet.x"])["profiles"] == []
    for path, text in {
        "sys/module/apparmor/parameters/enabled": "Y\n",
        "sys/kernel/security/apparmor/profiles": "gofleet.x (complain)\n",
        "apparmor.d/gofleet.x": "# Managed by gofleet.hosts.apparmor_profiles; edits here are lost.\nprofile {}\n",
        "apparmor.d/foreign": "profile foreign {}\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    assert info(systemd, tmp_path, profiles=["gofleet.x", "foreign", "none"])["profiles"] == [
        {"name": "gofleet.x", "content": "profile {}\n", "mode": "complain"},
        {"name": "none", "state": "absent"},
    ]


def test_an_invalid_name(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    with pytest.raises(HostError, match="wanted the name of a unit"):
        info(systemd, tmp_path, "../x")
