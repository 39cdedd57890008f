# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._converge import Plan, converge


class Module:
    """Stands for AnsibleModule: check mode, and what the module was called with."""

    def __init__(self, check_mode: bool) -> None:
        self.check_mode = check_mode
        self.exited: dict[str, t.Any] = {}
        self.warned: list[str] = []
        self.no_log_values: set[str] = set()

    def warn(self, warning: str) -> None:
        self.warned.append(warning)

    def exit_json(self, **returned: t.Any) -> None:
        self.exited = returned


def run(check_mode: bool, **options: t.Any) -> tuple[dict[str, t.Any], list[str]]:
    applied: list[str] = []

    def apply() -> dict[str, str]:
        applied.append("applied")
        return {"value": "by apply"}

    module = Module(check_mode)
    converge(t.cast("t.Any", module), Plan(**{"apply": apply, "result": {"value": "by plan"}, **options}))
    return module.exited, applied


@pytest.mark.parametrize(
    ("check_mode", "after", "changed", "applied", "returned_by"),
    [
        (False, {"a": 1}, False, [], "by plan"),
        (True, {"a": 1}, False, [], "by plan"),
        (True, {"a": 2}, True, [], "by plan"),
        (False, {"a": 2}, True, ["applied"], "by apply"),
    ],
)
def test_only_a_difference_outside_check_mode_is_applied(
    check_mode: bool, after: dict[str, int], changed: bool, applied: list[str], returned_by: str
) -> None:
    returned, done = run(check_mode, before={"a": 1}, after=after)
    assert (returned["changed"], returned["differs"], done, returned["value"]) == (
        changed,
        changed,
        applied,
        returned_by,
    )


def test_a_difference_that_cannot_be_applied_is_reported() -> None:
    returned, done = run(False, before={}, after={"a": 1}, apply=None)
    assert (returned["changed"], returned["value"], done) == (True, "by plan", [])


def test_the_diff_shows_texts_separately_and_omits_equal_values() -> None:
    returned, dummy = run(
        True,
        before={"unit": "a\nb\n", "stays": 1, "enabled": False, "gone": "x\ny\n"},
        after={"unit": "a\nc\n", "stays": 1, "enabled": True},
    )
    assert returned["diff"] == [
        {"before_header": "gone", "after_header": "gone", "before": "x\ny\n", "after": ""},
        {"before_header": "unit", "after_header": "unit", "before": "a\nb\n", "after": "a\nc\n"},
        {"before": {"enabled": False}, "after": {"enabled": True}},
    ]


@pytest.mark.parametrize(("check_mode", "returned_by"), [(False, "by hold"), (True, "by plan")])
def test_hold_runs_on_unchanged_runs_but_not_in_check_mode(check_mode: bool, returned_by: str) -> None:
    returned, dummy = run(check_mode, before={}, after={}, hold=lambda: {"value": "by hold"})
    assert (returned["changed"], returned["value"]) == (False, returned_by)


def test_warnings_are_shown_and_secrets_hidden_in_every_run() -> None:
    module = Module(check_mode=True)
    plan = Plan({}, {}, None, warnings=["mind this"], secrets={"s3cret"})
    converge(t.cast("t.Any", module), plan)
    assert (module.warned, module.no_log_values) == (["mind this"], {"s3cret"})
