# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module shows that makes a plan, and applies it where the host differs."""

from __future__ import annotations

import abc
import json
import types
import typing as t
from unittest import mock

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError

__all__ = ["BEFORE", "Apply", "PlannedModule", "after"]

Apply = t.Callable[[], t.Dict[str, t.Any]]
BEFORE: t.Final = {"x": 1}


def after(*, differs: bool) -> dict[str, t.Any]:
    return {"x": 2 if differs else 1}


class PlannedModule(abc.ABC):
    """A subclass names the module, and is collected as its tests."""

    module: types.ModuleType
    planner: str  # the function, as the module imports it
    options: t.ClassVar[dict[str, t.Any]]
    wrong: t.ClassVar[dict[str, t.Any]]

    @abc.abstractmethod
    def plan(self, *, differs: bool, apply: Apply) -> t.Any:
        """Of the module's own kind."""

    def run(self, capsys: pytest.CaptureFixture[str], planned: t.Any, **options: t.Any) -> dict[str, t.Any]:
        outcome = {"side_effect": planned} if isinstance(planned, HostError) else {"return_value": planned}
        planner = mock.patch.object(self.module, self.planner, **outcome)
        with patch_module_args(options), planner, pytest.raises(SystemExit):
            self.module.main()
        result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
        return result

    @pytest.mark.parametrize(
        ("differs", "check", "applied"),
        [(True, False, 1), (True, True, 0), (False, False, 0), (False, True, 0)],
    )
    def test_change_check_mode_and_idempotent(
        self, capsys: pytest.CaptureFixture[str], differs: bool, check: bool, applied: int
    ) -> None:
        apply = mock.Mock(return_value={})
        planned = self.plan(differs=differs, apply=apply)
        result = self.run(capsys, planned, **self.options, _ansible_check_mode=check)
        assert result["changed"] is differs
        assert apply.call_count == applied
        assert bool(result["diff"]) is differs

    def test_failure(self, capsys: pytest.CaptureFixture[str]) -> None:
        error = HostError("it", wanted="this", found="that", remedy="Do so.")
        result = self.run(capsys, error, **self.options)
        assert (result["failed"], result["error"]["remedy"]) == (True, "Do so.")

    def test_wrong_options(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.run(capsys, None, **self.wrong)["failed"]
