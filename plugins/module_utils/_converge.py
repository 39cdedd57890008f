# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Apply the difference between two states and report it.

Only this file handles check mode and diff.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

__all__ = ["Plan", "State", "converge"]

# The managed state: a name that the user knows -> its value. A string with line breaks is shown as a separate
# text diff, all other values together as one structure.
State = t.Dict[str, t.Any]


class Plan(t.NamedTuple):
    """What a module found and what it will do.

    Every ``plan_...`` function returns a Plan.

    before: the managed state on the host
    after: the wanted state; nothing is done where it equals ``before``
    apply: changes the host to ``after``, or raises and leaves it at ``before``; what it returns overrides
        ``result``; None where this run cannot apply the difference
    result: return values that do not depend on whether the difference is applied
    warnings: texts shown to the user in every run
    secrets: texts that Ansible must hide in the result
    hold: waits for a condition that must hold at the end of every run, also an unchanged one, or raises; it does not
        run in check mode, and returns values as ``apply`` does
    """

    before: State
    after: State
    apply: t.Callable[[], t.Mapping[str, t.Any] | None] | None
    result: t.Mapping[str, t.Any] = {}
    warnings: t.Sequence[str] = ()
    secrets: t.Collection[str] = ()
    hold: t.Callable[[], t.Mapping[str, t.Any]] | None = None


def converge(module: AnsibleModule, plan: Plan) -> None:
    """Apply the plan, except in check mode, and end the module with its result."""
    module.no_log_values.update(plan.secrets)
    for warning in plan.warnings:
        module.warn(warning)
    differs = plan.before != plan.after
    returned: dict[str, t.Any] = dict(plan.result)
    if differs and plan.apply is not None and not module.check_mode:
        returned.update(plan.apply() or {})
    if plan.hold is not None and not module.check_mode:
        returned.update(plan.hold())
    # `changed_when: false` does not change `differs`, so a role can plan in check mode first and apply later.
    module.exit_json(changed=differs, differs=differs, diff=_diff(plan.before, plan.after), **returned)


def _diff(before: State, after: State) -> list[dict[str, t.Any]]:
    names = sorted(set(before) | set(after))
    changed = [name for name in names if before.get(name) != after.get(name)]
    texts = [name for name in changed if _is_text(before.get(name)) or _is_text(after.get(name))]
    diffs: list[dict[str, t.Any]] = [
        {
            "before_header": name,
            "after_header": name,
            "before": _as_text(before.get(name)),
            "after": _as_text(after.get(name)),
        }
        for name in texts
    ]
    rest = [name for name in changed if name not in texts]
    if rest:
        diffs.append(
            {
                "before": {name: before[name] for name in rest if name in before},
                "after": {name: after[name] for name in rest if name in after},
            }
        )
    return diffs


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\n" in value


def _as_text(value: object) -> str:
    return "" if value is None else str(value)
