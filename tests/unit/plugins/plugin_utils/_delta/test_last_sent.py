# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import types

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta import last_sent
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.last_sent import LastSent, host_of

ROOT, OTHER = "a" * 64, "b" * 64


def files(path: pathlib.Path) -> list[pathlib.Path]:
    return [it for it in path.rglob("*") if it.is_file()]


def test_each_place_on_each_host(tmp_path: pathlib.Path) -> None:
    one, two = (LastSent(host, path=str(tmp_path / "places")) for host in ("one", "two"))
    assert one.recall("/opt/x") is None
    one.keep("/opt/x", ROOT)
    one.keep("/opt/y", OTHER)
    assert (one.recall("/opt/x"), one.recall("/opt/y"), two.recall("/opt/x")) == (ROOT, OTHER, None)
    for dummy in range(2):
        one.keep("/opt/x", OTHER)
    assert one.recall("/opt/x") == OTHER
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("text", ["", ROOT[:-1], ROOT.upper(), f"{ROOT}\n", f"{ROOT}0", "../" * 21 + "a"])
def test_a_damaged_one_is_none(tmp_path: pathlib.Path, text: str) -> None:
    memory = LastSent("one", path=str(tmp_path))
    memory.keep("/opt/x", ROOT)
    (file,) = files(tmp_path)
    file.write_text(text)
    assert memory.recall("/opt/x") is None
    memory.keep("/opt/x", OTHER)
    assert memory.recall("/opt/x") == OTHER


def test_without_a_name_or_room_nothing_is_remembered(tmp_path: pathlib.Path) -> None:
    nameless = LastSent(None, path=str(tmp_path / "places"))
    nameless.keep("/opt/x", ROOT)
    assert nameless.recall("/opt/x") is None
    (tmp_path / "file").touch()
    no_room = LastSent("one", path=str(tmp_path / "file" / "places"))
    no_room.keep("/opt/x", ROOT)
    assert no_room.recall("/opt/x") is None
    assert files(tmp_path) == [tmp_path / "file"]


def test_hosts_that_are_gone_are_forgotten(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = LastSent("one", path=str(tmp_path))
    # All in one folder, as some are among many.
    monkeypatch.setattr(memory, "_file", lambda place: str(tmp_path / "ab" / place))
    memory.keep("gone", ROOT)
    memory.keep("there", ROOT)
    old = (tmp_path / "ab" / "gone").stat().st_mtime - last_sent._FORGOTTEN - 60
    os.utime(tmp_path / "ab" / "gone", (old, old))
    memory.keep("new", OTHER)
    assert sorted(os.listdir(tmp_path / "ab")) == ["new", "there"]


@pytest.mark.parametrize(
    ("delegate_to", "variables", "host"),
    [
        (None, {"inventory_hostname": "one"}, "one"),
        ("two", {"inventory_hostname": "one"}, "two"),
        (None, None, None),
    ],
)
def test_the_host_that_a_task_is_run_on(
    delegate_to: str | None, variables: dict[str, str] | None, host: str | None
) -> None:
    assert host_of(types.SimpleNamespace(delegate_to=delegate_to), variables) == host
