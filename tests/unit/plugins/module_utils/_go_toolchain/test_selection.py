# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from ansible_collections.gofleet.hosts.plugins.doc_fragments._go_mirror import ModuleDocFragment
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.mirror import GoMirror
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.options import (
    bundle_spec,
    toolchain_spec,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.selection import (
    Asked,
    Choice,
    choose,
    plain_wishes,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._release.store import Store
from ansible_collections.gofleet.hosts.plugins.modules import go_bundle, go_toolchain

ARCHIVE = {
    "version": "1.26.6",
    "filename": "go1.26.6.linux-amd64.tar.gz",
    "sha256": "ab" * 32,
    "size": 7,
    "path": "/tmp/delta",
    "base": "1.26.5",
    "root": "cd" * 32,
}


def chosen(
    tmp_path: Path, versions: list[str], *, offer: dict[str, t.Any] | None, further: tuple[str, ...] = ()
) -> Choice | Asked:
    return choose(
        {"versions": versions, "active": None, "update": False, "offer": offer},
        store=Store(str(tmp_path)),
        arch="amd64",
        pins={"stable": "1.27.3"},
        mirror=GoMirror("http://127.0.0.1:9", 1),
        further=further,
    )


def test_wishes() -> None:
    assert plain_wishes(["go1.27.3", "1.26"], "go1.26") == (["1.27.3", "1.26"], "1.26")
    assert plain_wishes(["stable", "1.26"], None) == (["stable", "1.26"], "stable")
    with pytest.raises(HostError, match="wanted at least one"):
        plain_wishes([], None)
    with pytest.raises(HostError, match="wanted one of the versions: 1.27"):
        plain_wishes(["1.27"], "1.26")


def test_what_is_pinned_is_asked_for_by_its_full_name(tmp_path: Path) -> None:
    asked = chosen(tmp_path, ["stable", "1.26"], offer={"resolved": {}, "archives": None, "newest": None})
    assert asked == Asked("amd64", ["1.26"], ["1.27.3"], {})


def test_what_the_controller_has_sent(tmp_path: Path) -> None:
    offer = {"resolved": {"1.26": "1.26.6"}, "archives": [ARCHIVE], "newest": 27}
    choice = chosen(tmp_path, ["1.26"], offer=offer)
    assert isinstance(choice, Choice)
    assert (choice.active, choice.pins) == ("1.26.6", {"1.26": "1.26.6"})
    assert tuple(choice.parcels["1.26.6"]) == ("/tmp/delta", "1.26.5", "cd" * 32)


def test_a_further_release_is_needed_and_not_used(tmp_path: Path) -> None:
    offer = {
        "resolved": {},
        "archives": [ARCHIVE, {**ARCHIVE, "version": "1.22.1", "path": None}],
        "newest": 27,
    }
    choice = chosen(tmp_path, ["1.26.6"], offer=offer, further=("1.22.1",))
    assert isinstance(choice, Choice)
    assert (choice.versions, sorted(choice.archives), sorted(choice.parcels)) == (
        ["1.26.6"],
        ["1.22.1", "1.26.6"],
        ["1.26.6"],
    )


def _same(spec: dict[str, t.Any], documented: dict[str, t.Any]) -> None:
    assert sorted(spec) == sorted(documented)
    for name, option in spec.items():
        told = documented[name]
        for word in ("type", "default", "choices", "elements", "required"):
            assert option.get(word) == told.get(word), (name, word)
        if "options" in option:
            _same(option["options"], told["suboptions"])


@pytest.mark.parametrize(("module", "spec"), [(go_toolchain, toolchain_spec()), (go_bundle, bundle_spec())])
def test_the_options_are_those_that_are_documented(module: t.Any, spec: dict[str, t.Any]) -> None:
    documented = [
        yaml.safe_load(text)["options"] for text in (ModuleDocFragment.DOCUMENTATION, module.DOCUMENTATION)
    ]
    _same(spec, {**documented[0], **documented[1]})
