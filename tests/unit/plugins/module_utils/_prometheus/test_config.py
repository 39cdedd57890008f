# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus.config import (
    edit_config,
    job_lines,
    marked_paths,
    rule_lines,
)

JOB = job_lines("gofleet-node", file="/d/targets/node.json", interval="15s")
ITEMS = {"rule_files": rule_lines("/d/rules/r.yml"), "scrape_configs": JOB}
NONE: dict[str, list[str]] = {"rule_files": [], "scrape_configs": []}

DEBIAN = """\
# Sample config for Prometheus.
global:
  scrape_interval:     15s # odd   blanks

rule_files:
  # - "first_rules.yml"

scrape_configs:
  # a comment
  - job_name: 'prometheus'

    static_configs:
      - targets: ['localhost:9090']
"""


@pytest.mark.parametrize(
    "text",
    [
        DEBIAN,
        DEBIAN.rstrip("\n"),
        "",
        "global: {}",
        "scrape_configs:\n- job_name: a\n",
        "scrape_configs: # none yet\n",
        "scrape_configs:\n    - job_name: a\nremote_write:\n",
        "rule_files:\n\nglobal:\n  x: y\n",
    ],
)
def test_editing_twice_and_removing_gives_the_same_bytes(text: str) -> None:
    once = edit_config(text, ITEMS, path="p")
    assert edit_config(once, ITEMS, path="p") == once
    assert edit_config(once, NONE, path="p") == text
    assert marked_paths(once) == (
        ["/d/rules/r.yml", "/d/targets/node.json"]
        if once.index("/d/rules") < once.index("/d/targets")
        else ["/d/targets/node.json", "/d/rules/r.yml"]
    )
    assert marked_paths(text) == []


def test_items_take_the_indentation_of_their_key() -> None:
    assert edit_config("scrape_configs:\n- job_name: a\n", {"scrape_configs": JOB}, path="p") == (
        "scrape_configs:\n"
        "# BEGIN gofleet.hosts\n"
        '- job_name: "gofleet-node"\n'
        "  scrape_interval: 15s\n"
        "  file_sd_configs:\n"
        '    - files: ["/d/targets/node.json"]\n'
        "# END gofleet.hosts\n"
        "- job_name: a\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "scrape_configs: []\n",
        "scrape_configs: [{job_name: a}] # c\n",
        "scrape_configs:\n  job_name: a\n",
        "scrape_configs:\n  [{job_name: a}]\n",
        "scrape_configs:\nscrape_configs:\n",
        "{global: {}}\n",
    ],
)
def test_another_form_is_refused_with_the_lines_to_add(text: str) -> None:
    with pytest.raises(HostError) as caught:
        edit_config(text, {"scrape_configs": JOB}, path="/etc/prometheus/prometheus.yml")
    assert '\n  - job_name: "gofleet-node"\n' in str(caught.value)
    assert "by hand" in caught.value.remedy


@pytest.mark.parametrize(
    "text", ["# BEGIN gofleet.hosts\n", "# END gofleet.hosts\n", "# BEGIN gofleet.hosts\n" * 2]
)
def test_an_unpaired_marker_is_refused(text: str) -> None:
    with pytest.raises(HostError, match="gofleet.hosts"):
        edit_config(text, NONE, path="p")
