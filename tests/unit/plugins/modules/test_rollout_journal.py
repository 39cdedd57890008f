# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import yaml
from ansible_collections.gofleet.hosts.plugins.action.rollout_journal import journal_spec
from ansible_collections.gofleet.hosts.plugins.modules import rollout_journal


def shape(options: dict[str, t.Any], nested: str) -> dict[str, t.Any]:
    """What documentation and specification have to agree on."""
    return {
        name: {
            **{key: option.get(key) for key in ("type", "default", "required", "elements", "choices")},
            nested: shape(option.get(nested, {}), nested),
        }
        for name, option in options.items()
    }


def test_the_documentation_says_what_the_action_takes() -> None:
    documented = shape(yaml.safe_load(rollout_journal.DOCUMENTATION)["options"], "suboptions")
    taken = shape(journal_spec()["argument_spec"], "options")
    taken["plan"]["suboptions"] = taken["plan"]["options"]
    for name, option in taken.items():
        option.pop("options")
        option.setdefault("suboptions", {})
        documented[name]["suboptions"] = {
            key: {k: v for k, v in one.items() if k != "suboptions"}
            for key, one in documented[name]["suboptions"].items()
        }
        option["suboptions"] = {
            key: {k: v for k, v in one.items() if k != "options"} for key, one in option["suboptions"].items()
        }
    assert documented == taken
