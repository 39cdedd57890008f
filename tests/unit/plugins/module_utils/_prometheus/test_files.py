# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus.api import Target
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus.files import parse_scraping


def group(job_name: str, *targets: str, **labels: str) -> dict[str, t.Any]:
    return {"job": job_name, "targets": list(targets), "labels": labels}


def test_groups_of_a_job_are_merged_and_a_target_counts_once() -> None:
    groups = [group("b", "h:1"), group("a", "h:2", job="own"), group("b", "h:1", "h:3", host="x")]
    scraping = parse_scraping(groups, [], interval="15s")
    assert scraping.jobs == {
        "a": [{"targets": ["h:2"], "labels": {"job": "own"}}],
        "b": [
            {"targets": ["h:1"], "labels": {"job": "b"}},
            {"targets": ["h:1", "h:3"], "labels": {"job": "b", "host": "x"}},
        ],
    }
    assert scraping.targets() == [
        Target("gofleet-a", "a", "h:2"),
        Target("gofleet-b", "b", "h:1"),
        Target("gofleet-b", "b", "h:3"),
    ]
    assert sorted(scraping.files("/d")) == ["/d/targets/a.json", "/d/targets/b.json"]
    assert list(scraping.items("/d")) == ["rule_files", "scrape_configs"]


@pytest.mark.parametrize(
    "address", ["h", "h:", "http://h:1", "h:1/metrics", "fd00::1:9100", "a b:1", "h:1\n"]
)
def test_invalid_addresses_are_refused(address: str) -> None:
    with pytest.raises(HostError, match="host:port"):
        parse_scraping([group("a", address)], [], interval="15s")


@pytest.mark.parametrize("address", ["h:1", "10.0.0.1:9100", "[fd00::1]:9100", "a-b.c:65535"])
def test_valid_addresses_are_accepted(address: str) -> None:
    assert parse_scraping([group("a", address)], [], interval="15s").targets()[0].address == address
