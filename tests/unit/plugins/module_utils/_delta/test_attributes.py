# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.attributes import (
    Attributes,
    differences,
    read_attributes,
    set_attributes,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError

NONE = Attributes(None, None, None, None, (None,) * 4)


class Labels:
    """SELinux of a host, or none: contexts are kept by file, as the kernel does."""

    def __init__(self, *, enabled: bool = False) -> None:
        self.enabled = enabled
        self.contexts: dict[int, list[str | None]] = {}
        self.asked: list[str] = []

    def selinux_enabled(self) -> bool:
        return self.enabled

    def selinux_context(self, path: str) -> list[str | None]:
        self.asked.append(path)
        return self.contexts.get(os.lstat(path).st_ino, ["u", "r", "new_t", "s0"])

    def selinux_default_context(self, path: str) -> list[str | None]:
        return ["system_u", "object_r", f"{os.path.basename(path)}_t", "s0"]

    def set_context_if_different(
        self, path: str, context: list[str | None], changed: bool, diff: t.Any = None
    ) -> bool:
        self.contexts[os.lstat(path).st_ino] = context
        return True

    def types(self, top: Path) -> dict[str, str | None]:
        return {
            path.name: self.contexts[path.lstat().st_ino][2]
            for path in [top, *top.rglob("*")]
            if path.lstat().st_ino in self.contexts
        }


def read(**options: t.Any) -> Attributes:
    names = ("owner", "group", "mode", "directory_mode", "seuser", "serole", "setype", "selevel")
    return read_attributes({**dict.fromkeys(names), **options})


def tree(path: Path) -> Path:
    (path / "bin").mkdir(parents=True)
    (path / "bin").chmod(0o755)
    (path / "bin" / "run").write_bytes(b"")
    (path / "bin" / "run").chmod(0o755)
    (path / "data").write_bytes(b"")
    (path / "data").chmod(0o644)
    (path / "link").symlink_to("data")
    (path / "folder").symlink_to("bin")
    return path


def modes(path: Path) -> dict[str, int]:
    return {it.name: it.stat().st_mode & 0o7777 for it in [path, *path.rglob("*")] if not it.is_symlink()}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, NONE),
        ({"owner": "root", "group": "0"}, NONE._replace(uid=0, gid=0)),
        ({"owner": "4711"}, NONE._replace(uid=4711)),
        ({"mode": "0640", "directory_mode": "2750"}, NONE._replace(mode=0o640, directory_mode=0o2750)),
        ({"mode": 0o640}, NONE._replace(mode=0o640)),
        ({"setype": "bin_t"}, NONE._replace(context=(None, None, "bin_t", None))),
    ],
)
def test_read(options: dict[str, t.Any], expected: Attributes) -> None:
    assert read(**options) == expected


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"owner": "nobody-by-this-name"}, "owner: wanted a name known on this host, or a number"),
        ({"group": "nobody-by-this-name"}, "group: wanted"),
        ({"mode": "u=rw"}, "mode: wanted an octal number in quotes"),
        ({"mode": "0698"}, "found '0698'"),
        ({"mode": ""}, "mode: wanted"),
        ({"mode": True}, "found True"),
        ({"mode": -1}, "found -1"),
        ({"directory_mode": "17777"}, "directory_mode: wanted"),
    ],
)
def test_refused(options: dict[str, t.Any], match: str) -> None:
    with pytest.raises(HostError, match=match):
        read(**options)


def test_what_may_be_executed_is_content(tmp_path: Path) -> None:
    top = tree(tmp_path / "top")
    wanted = read(mode="0640", directory_mode="0750")
    before, after = differences(str(top), wanted, selinux=Labels())
    assert before["bin/run"] == {"mode": "0755"} and after["bin/run"] == {"mode": "0750"}
    assert set(before) == {".", "bin", "bin/run", "data"}
    set_attributes(str(top), wanted, selinux=Labels())
    assert modes(top) == {"top": 0o750, "bin": 0o750, "run": 0o750, "data": 0o640}
    assert differences(str(top), wanted, selinux=Labels()) == ({}, {})
    set_attributes(str(top), read(mode="0755"), selinux=Labels())
    assert modes(top)["data"] == 0o644


def test_a_file_alone_gets_exactly_its_mode(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    for mode in (0o755, 0o600, 0o4711):
        set_attributes(str(tmp_path / "x"), read(mode=f"{mode:04o}"), selinux=Labels())
        assert modes(tmp_path / "x") == {"x": mode}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_owners_also_of_links(tmp_path: Path) -> None:
    top = tree(tmp_path / "top")
    victim = tmp_path / "victim"
    victim.write_bytes(b"")
    (top / "out").symlink_to(victim)
    wanted = read(owner="4711", group="4712", mode="4755")
    assert len(differences(str(top), wanted, selinux=Labels())[0]) == 7
    set_attributes(str(top), wanted, selinux=Labels())
    assert {(it.lstat().st_uid, it.lstat().st_gid) for it in [top, *top.rglob("*")]} == {(4711, 4712)}
    assert (victim.stat().st_uid, victim.stat().st_mode & 0o111) == (0, 0)
    assert modes(top)["run"] == 0o4755  # a change of owner takes the bit away, so the mode comes after it
    assert differences(str(top), wanted, selinux=Labels()) == ({}, {})


def test_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    (tmp_path / "x").chmod(0o4750)
    status = (tmp_path / "x").stat()
    kept = NONE.as_it_was(status)
    assert (kept.uid, kept.gid, kept.top_mode) == (status.st_uid, status.st_gid, 0o4750)
    asked = read(owner="1", mode="0600").as_it_was(status)
    assert (asked.uid, asked.gid, asked.top_mode) == (1, status.st_gid, None)
    (tmp_path / "top").mkdir(0o700)
    top = tree(tmp_path / "new")
    set_attributes(str(top), NONE.as_it_was((tmp_path / "top").stat()), selinux=Labels())
    assert modes(top) == {"new": 0o700, "bin": 0o755, "run": 0o755, "data": 0o644}


def test_contexts_as_asked_as_they_were_and_by_policy(tmp_path: Path) -> None:
    selinux = Labels(enabled=True)
    old, new = tmp_path / "site", tree(tmp_path / "new")
    old.mkdir()
    (old / "data").write_bytes(b"")
    selinux.contexts[(old / "data").stat().st_ino] = ["u", "r", "special_t", "s0"]
    set_attributes(str(new), NONE, selinux=selinux, stands_for=str(old))
    assert selinux.types(new) == {
        "new": "new_t",
        "bin": "bin_t",
        "run": "run_t",
        "data": "special_t",
        "link": "link_t",
        "folder": "folder_t",
    }
    wanted = read(setype="web_t")
    before, after = differences(str(new), wanted, selinux=selinux)
    assert before["data"] == {"secontext": "u:r:special_t:s0"}
    assert after["data"] == {"secontext": "u:r:web_t:s0"}
    set_attributes(str(new), wanted, selinux=selinux, stands_for=str(old))
    assert set(selinux.types(new).values()) == {"web_t"}
    assert differences(str(new), wanted, selinux=selinux) == ({}, {})


def test_without_selinux_nothing_is_asked_of_it(tmp_path: Path) -> None:
    selinux = Labels()
    set_attributes(str(tree(tmp_path / "top")), read(setype="web_t"), selinux=selinux, stands_for="/etc")
    assert differences(str(tmp_path / "top"), read(setype="web_t"), selinux=selinux) == ({}, {})
    assert (selinux.asked, selinux.contexts) == ([], {})


def test_no_more_than_a_hundred_are_shown(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    for number in range(120):
        (tmp_path / "top" / str(number)).write_bytes(b"")
        (tmp_path / "top" / str(number)).chmod(0o644)
    before, dummy = differences(str(tmp_path / "top"), read(mode="0600"), selinux=Labels())
    assert (len(before), before["and more"]) == (101, 20)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize(
    ("moment", "swapped"), [("bin", "bin"), ("run", "bin"), ("run", "bin/run"), ("data", "data")]
)
def test_a_link_put_in_while_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, swapped: str
) -> None:
    """The owner of a tree puts a link to a victim into it, just before the owner of a file is changed."""
    top, victim = tree(tmp_path / "top"), tree(tmp_path / "victim")
    (victim / "run").write_bytes(b"")
    real = os.chown

    def chown(name: str, uid: int, gid: int, **options: t.Any) -> None:
        if name == moment and not (top / swapped).is_symlink():
            (top / swapped).rename(tmp_path / "aside")
            (top / swapped).symlink_to(victim if swapped == "bin" else victim / "run")
        real(name, uid, gid, **options)

    monkeypatch.setattr(os, "chown", chown)
    with contextlib.suppress(OSError):  # what has become a link is not opened
        set_attributes(str(top), read(owner="4711", mode="0666", directory_mode="0777"), selinux=Labels())
    assert (top / swapped).is_symlink()
    assert {it.lstat().st_uid for it in [victim, *victim.rglob("*")]} == {0}
    assert modes(victim)["run"] & 0o022 == 0 and modes(victim)["victim"] & 0o022 == 0
