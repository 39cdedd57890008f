# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor import load
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.profiles import (
    MARKER,
    plan_profiles,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._converge import Plan
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed

CONTENT = "profile hello {\n}\n"
TEXT = MARKER + "\n" + CONTENT


class Parser:
    """An apparmor_parser with a kernel: loads by the name of the file, knows names by the word `profile`."""

    def __init__(self, root: pathlib.Path, loaded: dict[str, str]) -> None:
        self.modes = root / "sys/kernel/security/apparmor/profiles"
        self.modes.parent.mkdir(parents=True)
        enabled = root / "sys/module/apparmor/parameters/enabled"
        enabled.parent.mkdir(parents=True)
        enabled.write_text("Y\n")
        self.calls: list[list[str]] = []
        self.refused = ""
        self.loaded = loaded
        self._show()

    def __call__(self, argv: list[str], *, stdin: str | None = None, env: object = None) -> Completed:
        self.calls.append(argv)
        if argv[1] == "-QK":
            broken = "broken" in (stdin or "")
            return Completed(int(broken), "", "AppArmor parser error at line 2: broken\n" if broken else "")
        if argv[1] == "-N":
            words = (stdin or "").split()
            names = [after for word, after in zip(words, words[1:]) if word == "profile"]
            return Completed(0, "\n".join(names) + "\n", "")
        if argv[1:] == ["-r"]:
            self.loaded[(stdin or "").split("profile ")[1].split()[0]] = "enforce"
        elif argv[1] == "-R":
            self.loaded.pop((stdin or "").split('"')[1], None)
        elif argv[-1].endswith(self.refused or "\0") and MARKER in pathlib.Path(argv[-1]).read_text():
            return Completed(1, "", "Unable to replace: Permission denied\n")
        else:
            self.loaded[pathlib.Path(argv[-1]).name] = "complain" if "-C" in argv else "enforce"
        self._show()
        return Completed(0, "", "")

    def _show(self) -> None:
        self.modes.write_text("".join(f"{name} ({mode})\n" for name, mode in self.loaded.items()))


def _plan(root: pathlib.Path, parser: t.Any, *profiles: dict[str, t.Any]) -> Plan:
    base = {"content": CONTENT, "mode": "enforce", "state": "present", "adopt": False}
    (root / "etc").mkdir(exist_ok=True)
    params = {"profiles": [{**base, **profile} for profile in profiles], "path": str(root / "etc")}
    (root / "proc").mkdir(exist_ok=True)
    return plan_profiles(params, run=parser, sysfs=str(root / "sys"), proc=str(root / "proc"))


def _write(root: pathlib.Path, text: str, name: str = "hello") -> pathlib.Path:
    file = root / "etc" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def test_a_new_profile_is_checked_then_written_then_loaded(tmp_path: pathlib.Path) -> None:
    parser = Parser(tmp_path, {"other": "enforce"})
    plan = _plan(tmp_path, parser, {"name": "hello"})
    file = tmp_path / "etc/hello"
    assert [call[1] for call in parser.calls] == ["-QK", "-N"]
    assert not file.exists()
    assert plan.before == {"hello": {"mode": "not loaded", "complain_at_boot": False}}
    assert plan.after[str(file)] == TEXT
    assert plan.apply() == {"modes": {"hello": "enforce"}, "restart_required": []}
    assert file.read_text() == TEXT
    assert parser.calls[2:] == [["apparmor_parser", "-r", "-W", "-T", str(file)]]
    assert parser.loaded == {"other": "enforce", "hello": "enforce"}


def test_an_unchanged_profile_needs_no_command(tmp_path: pathlib.Path) -> None:
    parser = Parser(tmp_path, {"hello": "enforce"})
    _write(tmp_path, TEXT)
    plan = _plan(tmp_path, parser, {"name": "hello"})
    assert plan.before == plan.after
    assert parser.calls == []
    modes = {"hello": "enforce"}
    assert plan.result == {"loaded": [], "modes": modes, "restart_required": []}


@pytest.mark.parametrize("loaded", [{}, {"hello": "complain"}])
def test_an_unloaded_profile_or_a_wrong_mode_is_a_difference(
    tmp_path: pathlib.Path, loaded: dict[str, str]
) -> None:
    parser = Parser(tmp_path, loaded)
    _write(tmp_path, TEXT)
    plan = _plan(tmp_path, parser, {"name": "hello"})
    assert plan.before != plan.after
    plan.apply()
    assert parser.loaded == {"hello": "enforce"}


def test_complain_makes_a_link_and_enforce_removes_it(tmp_path: pathlib.Path) -> None:
    parser = Parser(tmp_path, {})
    _plan(tmp_path, parser, {"name": "hello", "mode": "complain"}).apply()
    link = tmp_path / "etc/force-complain/hello"
    assert link.readlink() == tmp_path / "etc/hello"
    assert parser.loaded == {"hello": "complain"}
    again = _plan(tmp_path, parser, {"name": "hello", "mode": "complain"})
    assert again.before == again.after
    _plan(tmp_path, parser, {"name": "hello"}).apply()
    assert not link.is_symlink()
    assert parser.loaded == {"hello": "enforce"}


def test_absent_unloads_and_removes(tmp_path: pathlib.Path) -> None:
    parser = Parser(tmp_path, {"hello": "enforce", "other": "enforce"})
    file = _write(tmp_path, TEXT)
    _plan(tmp_path, parser, {"name": "hello", "state": "absent"}).apply()
    assert not file.exists()
    assert parser.loaded == {"other": "enforce"}
    again = _plan(tmp_path, parser, {"name": "hello", "state": "absent"})
    assert again.before == again.after


@pytest.mark.parametrize(
    ("profile", "text"),
    [
        ({"content": "profile hello {\nbroken\n}"}, "line 2: broken"),
        ({"content": "profile hello {}\nprofile other {}"}, "hello, other"),
        ({"content": "profile other {}"}, "found other"),
        ({"content": "# nothing"}, "no profile"),
        ({"content": "profile hello flags=(complain) {}"}, "flags=(complain)"),
        ({"name": "../hello"}, "slash"),
    ],
)
def test_a_bad_profile_stops_with_nothing_changed(
    tmp_path: pathlib.Path, profile: dict[str, t.Any], text: str
) -> None:
    parser = Parser(tmp_path, {})
    with pytest.raises(HostError) as caught:
        _plan(tmp_path, parser, {"name": "good", "content": "profile good {}"}, {"name": "hello", **profile})
    assert text in str(caught.value)
    assert list((tmp_path / "etc").iterdir()) == []
    assert parser.loaded == {}


def test_a_name_listed_twice_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(HostError, match="two entries"):
        _plan(tmp_path, Parser(tmp_path, {}), {"name": "hello"}, {"name": "hello"})


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_foreign_file_is_left_alone_unless_adopted(tmp_path: pathlib.Path, state: str) -> None:
    parser = Parser(tmp_path, {"hello": "enforce"})
    file = _write(tmp_path, "profile hello { # of a package\n}\n")
    with pytest.raises(HostError, match="adopt"):
        _plan(tmp_path, parser, {"name": "hello", "state": state})
    _plan(tmp_path, parser, {"name": "hello", "state": state, "adopt": True}).apply()
    assert file.exists() == (state == "present")


@pytest.mark.parametrize("loaded", [{}, {"hello": "enforce"}])
def test_a_disabled_profile_is_refused_and_its_link_stays(
    tmp_path: pathlib.Path, loaded: dict[str, str]
) -> None:
    parser = Parser(tmp_path, loaded)
    if loaded:
        _write(tmp_path, TEXT)
    (tmp_path / "etc/disable").mkdir(parents=True)
    (tmp_path / "etc/disable/hello").symlink_to("/etc/apparmor.d/hello")
    with pytest.raises(HostError, match="Remove that link"):
        _plan(tmp_path, parser, {"name": "hello"})
    assert (tmp_path / "etc/disable/hello").is_symlink()


def test_a_failed_load_restores_every_profile(tmp_path: pathlib.Path) -> None:
    parser = Parser(tmp_path, {"hello": "complain", "other": "enforce"})
    old = "profile hello { # old\n}\n"
    file = _write(tmp_path, old)
    parser.refused = "etc/second"
    plan = _plan(
        tmp_path, parser, {"name": "hello", "adopt": True}, {"name": "second", "content": "profile second {}"}
    )
    with pytest.raises(HostError, match="Permission denied"):
        plan.apply()
    assert file.read_text() == old
    assert not (tmp_path / "etc/second").exists()
    assert parser.loaded == {"hello": "complain", "other": "enforce"}


def test_without_apparmor_nothing_is_written(tmp_path: pathlib.Path) -> None:
    def nothing(argv: list[str], **more: object) -> Completed:
        raise AssertionError(argv)

    plan = _plan(tmp_path, nothing, {"name": "hello"})
    assert plan.before == plan.after == {}
    assert plan.result["skipped"] == [{"name": "hello", "reason": "the kernel has no AppArmor"}]
    assert list((tmp_path / "etc").iterdir()) == []


def test_without_a_parser_the_package_is_named(tmp_path: pathlib.Path) -> None:
    Parser(tmp_path, {})

    def missing(argv: list[str], **more: object) -> Completed:
        return Completed(127, "", "not found")

    with pytest.raises(HostError, match="Install the package apparmor"):
        _plan(tmp_path, missing, {"name": "hello"})


def test_a_profile_that_another_file_declares_is_refused(tmp_path: pathlib.Path) -> None:
    parser = Parser(tmp_path, {"hello": "unconfined"})
    stub = "profile hello /usr/bin/hello flags=(unconfined) {\n  userns,\n}\n"
    file = _write(tmp_path, stub, "usr.bin.hello")
    for entry in ({}, {"state": "absent"}, {"adopt": True}):
        with pytest.raises(HostError, match=r"usr\.bin\.hello: wanted no other file that declares hello"):
            _plan(tmp_path, parser, {"name": "hello", **entry})
    assert file.read_text() == stub
    assert parser.loaded == {"hello": "unconfined"}


@pytest.mark.parametrize("flag", ["unconfined", "default_allow", "prompt"])
@pytest.mark.parametrize("adopt", [False, True])
def test_the_mode_of_a_stub_is_left_alone(tmp_path: pathlib.Path, flag: str, adopt: bool) -> None:
    parser = Parser(tmp_path, {"busybox": "unconfined"})
    stub = f"profile busybox /usr/bin/busybox flags=({flag}) {{\n}}\n"
    file = _write(tmp_path, stub, "busybox")
    with pytest.raises(HostError, match="adopt: true" if not adopt else "in the content"):
        _plan(tmp_path, parser, {"name": "busybox", "content": None, "adopt": adopt})
    assert file.read_text() == stub
    assert parser.loaded == {"busybox": "unconfined"}


def test_complain_first_keeps_a_promoted_profile(tmp_path: pathlib.Path) -> None:
    parser = Parser(tmp_path, {})
    entry = {"name": "hello", "mode": "complain_first"}
    _plan(tmp_path, parser, entry).apply()
    assert parser.loaded == {"hello": "complain"}
    again = _plan(tmp_path, parser, entry)
    assert again.before == again.after
    _plan(tmp_path, parser, {"name": "hello", "content": None, "mode": "enforce"}).apply()
    again = _plan(tmp_path, parser, entry)
    assert again.before == again.after
    assert parser.loaded == {"hello": "enforce"}
    _plan(tmp_path, parser, {**entry, "content": "profile hello { # newer\n}"}).apply()
    assert parser.loaded == {"hello": "enforce"}


def test_a_foreign_profile_that_is_adopted_complains_first(tmp_path: pathlib.Path) -> None:
    parser = Parser(tmp_path, {"hello": "enforce"})
    _write(tmp_path, "profile hello { # of a package\n}\n")
    _plan(tmp_path, parser, {"name": "hello", "mode": "complain_first", "adopt": True}).apply()
    assert parser.loaded == {"hello": "complain"}


def test_without_content_only_the_mode_is_managed(tmp_path: pathlib.Path) -> None:
    parser = Parser(tmp_path, {"hello": "enforce"})
    file = _write(tmp_path, TEXT)
    _plan(tmp_path, parser, {"name": "hello", "content": None, "mode": "complain"}).apply()
    assert (file.read_text(), parser.loaded) == (TEXT, {"hello": "complain"})


def test_without_content_a_file_must_exist(tmp_path: pathlib.Path) -> None:
    with pytest.raises(HostError, match="Set `content`"):
        _plan(tmp_path, Parser(tmp_path, {}), {"name": "hello", "content": None})


TRIAL = {"name": "hello", "content": None, "trial": {"seconds": 10, "health": []}}


def test_a_passed_trial_is_kept(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parser = Parser(tmp_path, {})
    _plan(tmp_path, parser, {"name": "hello", "mode": "complain"}).apply()
    link = tmp_path / "etc/force-complain/hello"
    meanwhile: list[t.Any] = []
    monkeypatch.setattr(
        load,
        "run_trial",
        lambda name, trial, **more: meanwhile.append((name, dict(parser.loaded), link.is_symlink())),
    )
    assert _plan(tmp_path, parser, TRIAL).apply()["modes"] == {"hello": "enforce"}
    # The kernel enforced it, and a boot would have restored complain mode.
    assert meanwhile == [("hello", {"hello": "enforce"}, True)]
    assert not link.is_symlink()


def test_a_failed_trial_is_rolled_back(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parser = Parser(tmp_path, {"other": "enforce"})
    _plan(tmp_path, parser, {"name": "hello", "mode": "complain"}).apply()

    def fails(name: str, trial: object, **more: object) -> None:
        raise HostError(name, wanted="nothing denied", found="r /etc/x", remedy="See.")

    monkeypatch.setattr(load, "run_trial", fails)
    with pytest.raises(HostError, match="/etc/x"):
        _plan(tmp_path, parser, TRIAL).apply()
    assert (tmp_path / "etc/force-complain/hello").is_symlink()
    assert parser.loaded == {"hello": "complain", "other": "enforce"}


def test_an_enforced_profile_has_no_trial(tmp_path: pathlib.Path) -> None:
    parser = Parser(tmp_path, {"hello": "enforce"})
    _write(tmp_path, TEXT)
    plan = _plan(tmp_path, parser, TRIAL)
    assert plan.before == plan.after


def test_processes_that_need_a_restart_are_named(tmp_path: pathlib.Path) -> None:
    parser = Parser(tmp_path, {"hello": "enforce"})
    content = "profile hello /opt/hello/*/hello {\n}\n"
    _write(tmp_path, MARKER + "\n" + content)
    for pid, program, label in [
        (7, "/opt/hello/1.0/hello", "unconfined"),
        (8, "/opt/hello/1.1/hello", "hello (enforce)"),
        (9, "/usr/bin/true", "hello//null-/usr/bin/true (complain)"),
    ]:
        (tmp_path / "proc" / str(pid) / "attr/apparmor").mkdir(parents=True)
        (tmp_path / "proc" / str(pid) / "exe").symlink_to(program)
        (tmp_path / "proc" / str(pid) / "attr/apparmor/current").write_text(label + "\n")
    plan = _plan(tmp_path, parser, {"name": "hello", "content": content})
    assert plan.before == plan.after
    assert [(one["name"], one["pid"], one["label"]) for one in plan.result["restart_required"]] == [
        ("hello", 7, "unconfined"),
        ("hello", 9, "hello//null-/usr/bin/true (complain)"),
    ]


def test_an_interrupted_removal_is_finished(tmp_path: pathlib.Path) -> None:
    parser = Parser(tmp_path, {"hello": "enforce"})
    file = _write(tmp_path, TEXT)
    parser(["apparmor_parser", "-R"], stdin='profile "hello" { }')
    assert file.exists()
    _plan(tmp_path, parser, {"name": "hello", "state": "absent"}).apply()
    assert (file.exists(), parser.loaded) == (False, {})
