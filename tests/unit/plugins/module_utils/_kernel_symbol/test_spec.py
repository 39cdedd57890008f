# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel_symbol.spec import wishes_of

ENTRY: dict[str, t.Any] = {"name": "vfs_read", "alternatives": [], "module": "", "methods": [], "args": None}


def test_a_wish() -> None:
    entry = {
        **ENTRY,
        "alternatives": ["a.isra.0", "_b$c"],
        "module": "ext4",
        "methods": ["fentry"],
        "args": 3,
    }
    (wish,) = wishes_of([entry])
    assert wish == ("vfs_read", ("a.isra.0", "_b$c"), "ext4", ("fentry",), 3)


GIVEN = [(None, None), (0, 0), (3, 3), ("3", 3), ([], ()), (["int", "char *"], ("int", "char *"))]


@pytest.mark.parametrize(("given", "arguments"), GIVEN)
def test_arguments(given: object, arguments: object) -> None:
    assert wishes_of([{**ENTRY, "args": given}])[0].arguments == arguments


@pytest.mark.parametrize("given", [-1, "three", 1.5, True, {"a": 1}, ["int", 4], "", "²"])
def test_arguments_that_are_none(given: object) -> None:
    with pytest.raises(HostError, match="args as a number, or a list of types"):
        wishes_of([{**ENTRY, "args": given}])


@pytest.mark.parametrize("name", ["", "a b", "a\nr:b", "mod:name", "vfs_read+0x10", "name()", "ä", "*"])
def test_names_that_are_none(name: str) -> None:
    for entry in ({**ENTRY, "name": name}, {**ENTRY, "alternatives": [name]}):
        with pytest.raises(HostError, match="a name as in /proc/kallsyms"):
            wishes_of([entry])
