# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings in the files of a machine and of a user, who here is the one who runs the tests."""

from __future__ import annotations

import os
import pathlib
import stat
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._account import Account
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command import env
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.env import (
    effective,
    machine_environment,
    plan_go_env,
    read_sources,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.env_file import BEGIN, END

SECRET = "https://me:s3cret@goproxy.example.org"


class Place(t.NamedTuple):
    root: pathlib.Path
    machine: pathlib.Path
    user: pathlib.Path


@pytest.fixture
def place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A machine with a release, whose users all are the one who runs the tests, with homes of their own."""
    for name in ("alice", "bob", "goroot"):
        (tmp_path / name).mkdir()
    (tmp_path / "goroot" / "go.env").write_text(
        "# defaults\nGOPROXY=https://goproxy.example.com,direct\nGOSUMDB=off\n"
    )

    def account(name: str | None) -> Account:
        return Account(name or "alice", os.geteuid(), os.getegid(), str(tmp_path / (name or "alice")))

    monkeypatch.setattr(env, "account_of", account)
    return Place(tmp_path, tmp_path / "environment", tmp_path / "alice/.config/go/env")


def user(name: str = "alice", settings: dict[str, t.Any] | None = None, **secret: str) -> dict[str, t.Any]:
    return {"name": name, "settings": settings or {}, "secret_settings": secret}


def options(
    place: Place, *users: dict[str, t.Any], machine: dict[str, t.Any] | None = None
) -> dict[str, t.Any]:
    goroot = str(place.root / "goroot")
    return {"machine": machine, "machine_file": str(place.machine), "users": list(users), "goroot": goroot}


def test_written_once_and_removed_again(place: Place) -> None:
    place.machine.write_text("LANG=C\n")
    wanted = options(
        place, user(settings={"CGO_ENABLED": False, "GOAMD64": "v2"}), machine={"GOPROXY": "off"}
    )
    plan = plan_go_env(wanted)
    assert plan.before != plan.after
    assert (place.machine.read_text(), place.user.exists()) == ("LANG=C\n", False)
    plan.apply()
    assert place.machine.read_text() == f"LANG=C\n{BEGIN}\nGOPROXY=off\n{END}\n"
    assert place.user.read_text() == f"{BEGIN}\nCGO_ENABLED=0\nGOAMD64=v2\n{END}\n"
    again = plan_go_env(wanted)
    assert again.before == again.after
    plan_go_env(options(place, user(), machine={})).apply()
    assert (place.machine.read_text(), place.user.exists()) == ("LANG=C\n", False)


def test_an_empty_file_of_the_machine_stays(place: Place) -> None:
    place.machine.touch()
    place.machine.chmod(0o640)
    plan_go_env(options(place, machine={"GOPROXY": "off"})).apply()
    plan_go_env(options(place, machine={})).apply()
    assert (place.machine.read_text(), stat.S_IMODE(place.machine.stat().st_mode)) == ("", 0o640)


def test_the_machine_file_is_unchanged_without_the_option(place: Place) -> None:
    place.machine.write_text(f"{BEGIN}\nGOPROXY=off\n{END}\n")
    plan = plan_go_env(options(place))
    assert plan.before == plan.after == {}


def test_a_line_elsewhere_is_taken_over(place: Place) -> None:
    place.user.parent.mkdir(parents=True)
    place.user.write_text("GOAMD64=v3\nGOBIN=/x\n")
    plan = plan_go_env(options(place, user(settings={"GOAMD64": "v2"})))
    assert plan.before[str(place.user)]["elsewhere"] == {"GOAMD64": "v3"}
    plan.apply()
    assert place.user.read_text() == f"GOBIN=/x\n{BEGIN}\nGOAMD64=v2\n{END}\n"


def test_secret_settings_are_readable_by_the_user_only(place: Place) -> None:
    place.user.parent.mkdir(parents=True)
    place.user.write_text("GOBIN=/x\n")
    place.user.chmod(0o644)
    wanted = options(place, user(settings={}, GOPROXY=SECRET))
    plan = plan_go_env(wanted)
    assert {"s3cret", "me:s3cret"} <= plan.secrets
    plan.apply()
    assert stat.S_IMODE(place.user.stat().st_mode) == 0o600
    place.user.chmod(0o644)
    plan = plan_go_env(wanted)
    assert plan.before != plan.after
    plan.apply()
    assert stat.S_IMODE(place.user.stat().st_mode) == 0o600


def test_a_secret_of_an_earlier_run_is_hidden(place: Place) -> None:
    place.machine.write_text(f"HTTPS_PROXY={SECRET}\n")
    assert "s3cret" in plan_go_env(options(place, machine={})).secrets


@pytest.mark.parametrize(
    ("machine", "settings", "found"),
    [
        ({"GOPROXI": "off"}, {}, "GOPROXY"),
        ({"GOPROXY": SECRET}, {}, "everybody"),
        ({}, {"GOSUMDB": "sum.golang.org+insecure"}, "malformed verifier id"),
        ({}, {"GOFLAGS": ["-x"]}, "not a flag"),
    ],
)
def test_invalid_settings_are_refused(
    place: Place, machine: dict[str, t.Any], settings: dict[str, t.Any], found: str
) -> None:
    with pytest.raises(HostError) as caught:
        plan_go_env(options(place, user(settings=settings), machine=machine))
    assert found in caught.value.found
    assert "s3cret" not in str(caught.value)
    assert not place.machine.exists()


def test_a_user_twice(place: Place) -> None:
    with pytest.raises(HostError, match="alice twice"):
        plan_go_env(options(place, user(), user()))


def test_a_path_that_is_no_regular_file(place: Place) -> None:
    place.machine.mkdir()
    with pytest.raises(HostError, match="regular file"):
        plan_go_env(options(place, machine={}))


def test_a_link_stays_and_its_target_changes(place: Place) -> None:
    place.user.parent.mkdir(parents=True)
    (place.root / "dotfile").write_text("GOBIN=/x\n")
    place.user.symlink_to(place.root / "dotfile")
    plan_go_env(options(place, user(settings={"GOAMD64": "v2"}))).apply()
    assert place.user.is_symlink()
    assert "GOAMD64=v2" in (place.root / "dotfile").read_text()


def test_if_one_file_fails_the_others_are_restored(place: Place) -> None:
    place.machine.write_text("LANG=C\n")
    plan = plan_go_env(
        options(
            place,
            user(settings={"GOAMD64": "v2"}),
            user("bob", {"GOAMD64": "v2"}),
            machine={"GOPROXY": "off"},
        )
    )
    (place.root / "bob/.config").write_text("in the way")
    with pytest.raises(HostError, match="No file was changed"):
        plan.apply()
    assert (place.machine.read_text(), place.user.exists()) == ("LANG=C\n", False)


def test_where_each_setting_comes_from(place: Place) -> None:
    wanted = options(place, user(settings={"GOPROXY": "direct", "GOBIN": "/x"}), machine={"GOPROXY": "off"})
    found = plan_go_env(wanted).result["effective"]["alice"]
    assert {name: (place["value"], place["source"]) for name, place in found.items()} == {
        "GOPROXY": ("off", "machine"),
        "GOBIN": ("/x", "user"),
        "GOSUMDB": ("off", "release"),
    }
    hidden = [(place["source"], place["value"], place["line"]) for place in found["GOPROXY"]["hides"]]
    assert hidden == [("user", "direct", 3), ("release", "https://goproxy.example.com,direct", 2)]


def test_an_empty_variable_counts_as_unset(place: Place) -> None:
    place.machine.write_text("GOPROXY=\nPATH=/bin\n")
    goroot = str(place.root / "goroot")
    found = effective(read_sources(account=None, machine_file=str(place.machine), goroot=goroot))
    assert found["GOPROXY"]["source"] == "release"
    assert "PATH" not in found


def test_the_environment_of_new_sessions(place: Place) -> None:
    assert machine_environment(str(place.machine)) == {}
    place.machine.write_text("GOPROXY=off\nPATH=/bin\nHTTPS_PROXY=http://proxy.example.org\n")
    assert machine_environment(str(place.machine)) == {
        "GOPROXY": "off",
        "HTTPS_PROXY": "http://proxy.example.org",
    }
    assert machine_environment(str(place.root)) == {}
