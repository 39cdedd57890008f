# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._scrape_targets import address_of


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({"own": "10.0.0.1", "ansible_host": "127.0.0.1"}, "10.0.0.1"),
        ({"own": "", "ansible_host": "127.0.0.1"}, "127.0.0.1"),
        ({}, "web1"),
        ({"own": "fd00::1"}, "[fd00::1]"),
        ({"own": "[fd00::1]"}, "[fd00::1]"),
    ],
)
def test_the_first_variable_that_says_something_is_the_address(
    variables: dict[str, t.Any], address: str
) -> None:
    assert address_of("web1", variables, address_var="own") == address
