# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus.files import parse_scraping
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus.promtool import (
    NO_PROMTOOL,
    check_staged,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed

SCRAPING = parse_scraping([{"job": "node", "targets": ["h:1"], "labels": {}}], [], interval="15s")


def check(text: str | None, config: pathlib.Path, run: t.Callable[[list[str]], Completed]) -> str | None:
    return check_staged(text, SCRAPING, config=os.fspath(config), directory="/d", run=t.cast(t.Any, run))


def test_the_copy_is_complete_and_is_removed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "own.rules").write_text("groups: []")
    seen: list[pathlib.Path] = []

    def run(argv: list[str]) -> Completed:
        if argv[1] == "check":
            staged = pathlib.Path(argv[3])
            seen.append(staged)
            # A relative path of the user's still leads to the user's file.
            assert (staged.parent / "own.rules").read_text() == "groups: []"
            named = next(line for line in staged.read_text().splitlines() if "- files:" in line).split('"')[1]
            assert pathlib.Path(named).is_file()
        return Completed(0, "", "")

    assert check("rule_files: # own\n  - own.rules\n", tmp_path / "prometheus.yml", run) is None
    assert not seen[0].exists()
    assert os.listdir(tmp_path) == ["own.rules"]


def test_a_missing_promtool_is_reported(tmp_path: pathlib.Path) -> None:
    assert check(None, tmp_path / "p.yml", lambda argv: Completed(127, "", "")) == NO_PROMTOOL


def test_a_missing_configuration_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(HostError, match="no such file"):
        check(None, tmp_path / "p.yml", lambda argv: Completed(0, "", ""))
