# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plugin of pytest that appends what each test takes, set-up and teardown included, to the file TEST_SECONDS_FILE.

tests/parts.py loads it into every pytest of a part by PYTEST_PLUGINS, that of Molecule's verifier included: the option
--junitxml would have to be repeated in the settings of each scenario that has options of its own.
"""

from __future__ import annotations

import json
import os
import typing as t

if t.TYPE_CHECKING:
    import pytest


def pytest_configure(config: pytest.Config) -> None:
    path = os.environ.get("TEST_SECONDS_FILE")
    # A worker of xdist reports to the main process, which has this plugin as well.
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(path, os.environ.get("MOLECULE_SCENARIO_NAME", "")))


class Recorder:
    """Adds up the phases of each test, and writes one line a test."""

    def __init__(self, path: str, scenario: str) -> None:
        self.path = path
        self.scenario = scenario
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        seconds = self.seconds.pop(report.nodeid, 0.0) + report.duration
        if report.when != "teardown":
            self.seconds[report.nodeid] = seconds
            return
        line = json.dumps({"test": report.nodeid, "scenario": self.scenario, "seconds": seconds})
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError:
            pass  # a figure that is missing fails no test
