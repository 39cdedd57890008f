# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t
from unittest import mock

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._action import HostAction, Result


class Action(HostAction):
    """An action plugin that does what its test hands in."""

    MODULE = "gofleet.hosts.example"

    def __init__(self, work: t.Callable[[Action], Result], *, directory: pathlib.Path) -> None:
        loader = DataLoader()
        loader.set_basedir(str(directory))
        task = mock.MagicMock(async_val=0, check_mode=False)
        super().__init__(task, mock.MagicMock(), mock.MagicMock(), loader, mock.MagicMock(), None)
        self._work = work
        self.calls: list[tuple[str, t.Any]] = []

    def act(self) -> Result:
        return self._work(self)

    def _execute_module(self, **arguments: t.Any) -> Result:
        self.calls.append(("module", arguments))
        return {"changed": True}

    def _make_tmp_path(self, remote_user: str | None = None) -> str:
        self._connection._shell.tmpdir = "/tmp/task"
        return "/tmp/task"

    def _transfer_file(self, local_path: str, remote_path: str) -> None:
        self.calls.append(("transfer", (local_path, remote_path)))

    def _fixup_perms2(self, remote_paths: t.Any, *dummy: t.Any, **more: t.Any) -> None:
        self.calls.append(("permissions", remote_paths))


def test_the_module_runs_with_the_variables_of_the_task(tmp_path: pathlib.Path) -> None:
    action = Action(lambda action: action.run_module({"a": 1}), directory=tmp_path)
    assert action.run(task_vars={"x": "y"}) == {"changed": True}
    arguments = {"module_name": "gofleet.hosts.example", "module_args": {"a": 1}, "task_vars": {"x": "y"}}
    assert action.calls == [("module", arguments)]


def test_a_host_error_is_a_failed_task(tmp_path: pathlib.Path) -> None:
    def refuse(action: Action) -> Result:
        raise HostError("it", wanted="this", found="that", remedy="Do so.")

    result = Action(refuse, directory=tmp_path).run()
    assert (result["failed"], result["error"]["remedy"]) == (True, "Do so.")


@pytest.mark.parametrize("there", [None, "/tmp/task"])
def test_files_are_copied_into_one_temporary_directory(tmp_path: pathlib.Path, there: str | None) -> None:
    action = Action(lambda action: {"path": action.transfer("/here/x", name="y")}, directory=tmp_path)
    action._connection._shell.tmpdir = there
    action._connection._shell.join_path = lambda *parts: "/".join(parts)
    with mock.patch.object(action, "_make_tmp_path", wraps=action._make_tmp_path) as made:
        assert action.run() == {"path": "/tmp/task/y"}
    assert made.call_count == (there is None)
    assert action.calls == [
        ("transfer", ("/here/x", "/tmp/task/y")),
        ("permissions", ("/tmp/task", "/tmp/task/y")),
    ]


def test_a_relative_path_starts_at_the_playbook(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    action = Action(lambda action: {}, directory=tmp_path)
    paths = {path: action.playbook_path(path) for path in ("a/b", "/a", "~/a")}
    assert paths == {"a/b": f"{tmp_path}/a/b", "/a": "/a", "~/a": "/home/me/a"}
