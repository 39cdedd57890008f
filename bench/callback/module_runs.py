# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counts the modules that really run on each host, also those an action plugin runs inside one task."""

from __future__ import annotations

import collections
import contextlib
import fcntl
import json
import os
import tempfile
import typing as t

from ansible.plugins.action import ActionBase
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
---
name: module_runs
type: aggregate
short_description: Count module runs per host
description:
  - Prints, after the recap, how many modules ran on each host. One run is one trip to the host.
  - With E(MODULE_RUNS_JSON) also writes the list of them to that file.
"""


def _record_runs(log: str) -> None:
    """Note every module run in ``log``: workers are forked, so a file is what they share with the callback."""
    original = ActionBase._execute_module

    def execute(self: t.Any, *args: t.Any, **kwargs: t.Any) -> t.Any:
        module = kwargs.get("module_name") or (args[0] if args else None) or self._task.action
        variables = kwargs.get("task_vars") or (args[3] if len(args) > 3 else None) or {}
        run = {
            "host": variables.get("inventory_hostname", "?"),
            "task": self._task.get_name(),
            "module": str(module),
            "check_mode": bool(self._task.check_mode),
        }
        with open(log, "a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(json.dumps(run) + "\n")
        return original(self, *args, **kwargs)

    ActionBase._execute_module = execute


class CallbackModule(CallbackBase):
    """What Ansible looks for."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "module_runs"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        descriptor, self._log = tempfile.mkstemp(prefix="module_runs.")
        os.close(descriptor)
        _record_runs(self._log)

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        with open(self._log, encoding="utf-8") as file:
            runs = [json.loads(line) for line in file]
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._log)
        counts = collections.Counter(run["host"] for run in runs)
        self._display.banner("MODULE RUNS")
        for host in sorted(stats.processed):
            self._display.display(f"{host:<27}: {counts[host]}")
        target = os.environ.get("MODULE_RUNS_JSON")
        if target:
            os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
            with open(target, "w", encoding="utf-8") as file:
                json.dump(runs, file, indent=1)
