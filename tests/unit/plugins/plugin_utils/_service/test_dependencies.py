# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.dependencies import (
    Dependencies,
    dependency_lines,
    start_order,
)


def dependencies(**kinds: list[str]) -> Dependencies:
    return Dependencies(*(kinds.get(kind, []) for kind in Dependencies._fields))


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ({"a": {}, "b": {}}, ["a", "b"]),
        ({"a": {"after": ["b"]}, "b": {}}, ["b", "a"]),
        ({"a": {"requires": ["c"]}, "b": {"wants": ["a"]}, "c": {}}, ["c", "a", "b"]),
        ({"a": {"binds_to": ["postgresql.service"], "wants": ["network-online.target"]}}, ["a"]),
        ({"a": {"after": ["b", "c"]}, "b": {"after": ["c"]}, "c": {}}, ["c", "b", "a"]),
    ],
)
def test_services_come_after_their_dependencies(
    services: dict[str, dict[str, t.Any]], expected: list[str]
) -> None:
    assert start_order({name: dependencies(**kinds) for name, kinds in services.items()}) == expected


@pytest.mark.parametrize(
    ("services", "message"),
    [
        (
            {"a": {"after": ["b"]}, "b": {"requires": ["a"]}},
            "service a: .*a dependency cycle: a after b after a",
        ),
        ({"a": {"wants": ["a"]}}, "a dependency cycle: a after a"),
        ({"a": {}, "b": {"after": ["c"]}, "c": {"after": ["b"]}}, "a dependency cycle: b after c after b"),
        ({"a": {"after": ["bb"]}}, "wanted the name of another service of the list, or of a unit.*'bb'"),
    ],
)
def test_unknown_names_and_cycles_are_refused(services: dict[str, dict[str, t.Any]], message: str) -> None:
    with pytest.raises(HostError, match=message):
        start_order({name: dependencies(**kinds) for name, kinds in services.items()})


def test_names_become_units_and_dependencies_start_first() -> None:
    known = {"db": ["db@a.service", "db@b.service"]}
    lines = dependency_lines(
        dependencies(after=["log.service"], requires=["db"]),
        sockets=["hello.socket"],
        units_of=lambda name: known.get(name, [name]),
    )
    assert lines == [
        "After=network.target hello.socket log.service db@a.service db@b.service",
        "Requires=hello.socket db@a.service db@b.service",
    ]
