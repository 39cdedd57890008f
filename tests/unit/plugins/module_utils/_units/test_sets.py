# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import os
import pathlib
import stat
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._units import transaction
from ansible_collections.gofleet.hosts.plugins.module_utils._units.credentials import credential_path
from ansible_collections.gofleet.hosts.plugins.module_utils._units.sets import (
    remove_written_directories,
    units_spec,
    written_directories,
)

from .stand_in_systemd import SERVICE, SOCKET, Systemd, both, plan, store, tree

SECRET = "n0t-to-be-seen"


@pytest.fixture
def systemd(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    monkeypatch.setattr(transaction, "_SETTLE_SECONDS", 0.0)
    return Systemd(tmp_path)


def owned(*names: str) -> list[dict[str, t.Any]]:
    return [
        {
            "name": name,
            "set": "x",
            "state": "started",
            "enabled": name.endswith(".socket"),
            "content": SOCKET if name.endswith(".socket") else SERVICE,
        }
        for name in names
    ]


def credential(text: str, name: str = "token") -> dict[str, t.Any]:
    return {"name": name, "data": base64.b64encode(text.encode()).decode()}


def whole(*credentials: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    return [{"name": "x", "credentials": list(credentials)}]


def file(root: pathlib.Path, name: str = "token") -> pathlib.Path:
    return root / "secrets/x" / name


def test_units_that_are_no_longer_listed_are_removed(systemd: Systemd) -> None:
    foreign = systemd.etc / "x-foreign.service"
    foreign.write_text(SERVICE)
    other = {"name": "y.service", "content": SERVICE, "set": "y"}
    drop_in = {"name": "x.service.d/10-a.conf", "content": SERVICE, "set": "x"}
    plan(systemd, *owned("x.service", "x@a.service", "x-ops.socket"), drop_in, other, sets=whole()).apply()
    systemd.calls.clear()
    planned = plan(systemd, *owned("x.service"), sets=whole())
    assert planned.before["x-ops.socket"] == {"active": True, "enabled": True}
    planned.apply()
    assert sorted(path.name for path in systemd.etc.iterdir()) == [
        "x-foreign.service",
        "x.service",
        "y.service",
    ]
    assert systemd.calls.index("stop x-ops.socket") < systemd.calls.index("stop x@a.service")
    assert systemd.running == {"x.service"}
    last = plan(systemd, *owned("x.service"), sets=whole())
    assert last.before == last.after


def test_an_unlisted_unit_stays_when_its_set_is_not_listed(systemd: Systemd) -> None:
    plan(systemd, *owned("x.service", "x-ops.socket"), sets=whole()).apply()
    plan(systemd, *owned("x.service")).apply()
    assert (systemd.etc / "x-ops.socket").exists()


def test_only_root_can_read_a_credential_and_nothing_shows_it(
    systemd: Systemd, tmp_path: pathlib.Path
) -> None:
    planned = plan(systemd, *owned("x.service"), sets=whole(credential(SECRET)))
    assert not file(tmp_path).exists()
    planned.apply()
    assert file(tmp_path).read_text() == SECRET
    assert stat.S_IMODE(file(tmp_path).stat().st_mode) == 0o600
    assert stat.S_IMODE(file(tmp_path).parent.stat().st_mode) == 0o700
    shown = str((planned.before, planned.after, planned.result))
    assert SECRET not in shown
    assert credential(SECRET)["data"] not in shown
    assert planned.after["credential token of x"] == "as wanted"
    again = plan(systemd, *owned("x.service"), sets=whole(credential(SECRET)))
    assert again.before == again.after


def test_a_changed_credential_restarts_the_services_of_its_set(
    systemd: Systemd, tmp_path: pathlib.Path
) -> None:
    units = [*owned("x.service", "x.socket"), {"name": "y.service", "content": SERVICE, "state": "started"}]
    plan(systemd, *units, sets=whole(credential(SECRET))).apply()
    systemd.calls.clear()
    planned = plan(systemd, *units, sets=whole(credential("another")))
    assert planned.result["restarted"] == ["x.service"]
    assert planned.before["x.service"]["runs"] == "stale (credential token differs)"
    planned.apply()
    assert systemd.calls == ["restart x.service"]
    assert file(tmp_path).read_text() == "another"


def test_a_credential_that_others_can_read_is_written_again(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    plan(systemd, *owned("x.service"), sets=whole(credential(SECRET))).apply()
    file(tmp_path).chmod(0o644)
    plan(systemd, *owned("x.service"), sets=whole(credential(SECRET))).apply()
    assert stat.S_IMODE(file(tmp_path).stat().st_mode) == 0o600


def test_a_link_in_place_of_a_credential_is_not_followed(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("theirs")
    file(tmp_path).parent.mkdir(parents=True)
    file(tmp_path).symlink_to(elsewhere)
    plan(systemd, *owned("x.service"), sets=whole(credential(SECRET))).apply()
    assert elsewhere.read_text() == "theirs"
    assert not file(tmp_path).is_symlink()


def test_a_credential_that_is_no_longer_listed_is_removed(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    plan(systemd, *owned("x.service"), sets=whole(credential(SECRET), credential("2", "key"))).apply()
    plan(systemd, *owned("x.service"), sets=whole(credential(SECRET))).apply()
    assert os.listdir(file(tmp_path).parent) == ["token"]
    plan(systemd, *owned("x.service"), sets=whole()).apply()
    assert not file(tmp_path).parent.exists()


def test_a_service_that_fails_with_the_new_credential_gets_the_old_one_back(
    systemd: Systemd, tmp_path: pathlib.Path
) -> None:
    plan(systemd, *owned("x.service"), sets=whole(credential(SECRET))).apply()
    old = tree(tmp_path)
    failing = [True]
    systemd.refuses = lambda verb, unit: verb == "restart" and bool(failing) and failing.pop()
    planned = plan(systemd, *owned("x.service"), sets=whole(credential("bad"), credential("2", "key")))
    with pytest.raises(HostError, match="The old x.service runs again"):
        planned.apply()
    assert tree(tmp_path) == old


def test_an_absent_set_is_removed_with_its_releases(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    releases = store(tmp_path, "1", "2")
    plan(
        systemd, *both(tmp_path, "1", set="x"), *owned("x@a.service"), sets=whole(credential(SECRET))
    ).apply()
    (tmp_path / "var/lib/private/x").mkdir(parents=True)
    gone = [{"name": "x", "state": "absent", "store": releases}]
    planned = plan(systemd, {"name": "x.socket", "state": "absent"}, sets=gone)
    assert planned.before[releases] == {"releases": ["1", "2"]}
    assert pathlib.Path(releases).exists()
    planned.apply()
    assert (sorted(os.listdir(systemd.etc)), systemd.running) == ([], set())
    assert not pathlib.Path(releases).exists()
    assert not file(tmp_path).parent.exists()
    assert (tmp_path / "var/lib/private/x").exists()
    last = plan(systemd, sets=gone)
    assert last.before == last.after


def test_foreign_files_in_a_store_stay(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    releases = pathlib.Path(store(tmp_path, "1"))
    (releases / "by-hand").mkdir()
    gone = [{"name": "x", "state": "absent", "store": str(releases)}]
    plan(systemd, sets=gone).apply()
    assert os.listdir(releases) == ["by-hand"]
    last = plan(systemd, sets=gone)
    assert last.before == last.after


def test_purge_removes_what_dynamic_users_wrote(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    var = tmp_path / "var"
    (var / "lib/private/x/deep").mkdir(parents=True)
    (var / "lib/x").symlink_to("private/x")
    gone = [{"name": "x", "state": "absent", "purge": True}]
    planned = plan(systemd, sets=gone)
    assert planned.before == {str(var / "lib/private/x"): "written by it"}
    planned.apply()
    assert os.listdir(var / "lib") == ["private"]
    last = plan(systemd, sets=gone)
    assert last.before == last.after


def test_purge_of_instances_leaves_foreign_files(tmp_path: pathlib.Path) -> None:
    (tmp_path / "log/private/x/a").mkdir(parents=True)
    (tmp_path / "log/x").mkdir()
    (tmp_path / "log/x/a").symlink_to("../private/x/a")
    (tmp_path / "log/x/elsewhere").symlink_to("/etc")
    remove_written_directories("x", var=str(tmp_path))
    assert os.listdir(tmp_path / "log/x") == ["elsewhere"]
    assert written_directories("x", var=str(tmp_path)) == []


def test_purge_leaves_a_directory_without_dynamic_user(tmp_path: pathlib.Path) -> None:
    (tmp_path / "lib/x/theirs").mkdir(parents=True)
    remove_written_directories("x", var=str(tmp_path))
    assert (tmp_path / "lib/x/theirs").exists()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "../x"}, "set ../x: .*characters other"),
        ({"name": "x", "state": "absent", "credentials": [credential("1")]}, "credentials in a set with"),
        ({"name": "x", "store": "/opt/x"}, "`store` or `purge` without"),
        ({"name": "x", "purge": True}, "`store` or `purge` without"),
        ({"name": "x", "credentials": [credential("1", "../a")]}, "credential '../a' of x: wanted a unique name"),
        ({"name": "x", "credentials": [credential("1"), credential("2")]}, "found the name twice"),
        ({"name": "x", "credentials": [{"name": "a", "data": "?"}]}, "something else, which is not shown here"),
        ({"name": "x", "credentials": [{"name": "a", "data": None}]}, "something else, which is not shown here"),
        ({"name": "x", "credentials": [credential("1" * 1048577)]}, "wanted at most 1048576 bytes"),
    ],
)  # fmt: skip
def test_entries_that_no_host_can_satisfy_are_refused(
    systemd: Systemd, entry: dict[str, t.Any], message: str
) -> None:
    with pytest.raises(HostError, match=message):
        plan(systemd, sets=[entry])


def test_units_of_an_absent_set_are_refused(systemd: Systemd) -> None:
    with pytest.raises(HostError, match=r"x\.service in a set with `state: absent`"):
        plan(systemd, *owned("x.service"), sets=[{"name": "x", "state": "absent"}])


def test_a_repeated_set_is_refused(systemd: Systemd) -> None:
    with pytest.raises(HostError, match="set x: .*found two entries"):
        plan(systemd, sets=[*whole(), *whole()])


def test_credentials_are_hidden_and_stored_where_units_load_them() -> None:
    options = units_spec()["sets"]["options"]["credentials"]["options"]
    assert [name for name, option in options.items() if option.get("no_log")] == ["content", "data"]
    assert credential_path("x", "token") == "/etc/gofleet/credentials/x/token"
