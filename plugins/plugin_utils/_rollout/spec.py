# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""The options of rollout_journal, which has no half on the host that could hold them."""

from __future__ import annotations

import typing as t

from .state import STATES

__all__ = ["journal_spec"]


def journal_spec() -> dict[str, t.Any]:
    """The arguments for ``validate_argument_spec``."""
    plan = {
        "described": {"type": "dict", "required": True},
        "services": {"type": "list", "elements": "str", "default": []},
        "salt": {"type": "str", "default": ""},
        "canary": {"type": "str", "default": "1"},
        "canary_min": {"type": "int", "default": 1},
        "canary_hosts": {"type": "list", "elements": "str", "default": []},
        "waves": {"type": "list", "elements": "str", "default": ["25%", "100%"]},
        "budget": {"type": "str", "default": "0"},
        "takeover": {"type": "bool", "default": False},
        "abandon": {"type": "str", "default": ""},
    }
    return {
        "argument_spec": {
            "directory": {"type": "path", "required": True},
            "run": {"type": "str"},
            "plan": {"type": "dict", "options": plan},
            "host": {"type": "str"},
            "state": {"type": "str", "choices": list(STATES)},
            "facts": {"type": "dict"},
            "end": {"type": "bool", "default": False},
        },
        "mutually_exclusive": [("plan", "host")],
        "required_by": {"state": ("host",), "facts": ("state",)},
        "required_one_of": [("plan", "run")],
    }
