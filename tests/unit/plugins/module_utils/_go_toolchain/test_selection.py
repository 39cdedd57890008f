# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.gofleet.hosts.plugins.doc_fragments._go_mirror import ModuleDocFragment
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.index import Archive
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.mirror import GoMirror
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.options import (
    Offer,
    Payload,
    Request,
    bundle_spec,
    toolchain_spec,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.selection import (
    Choice,
    choose,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.version_query import normalize_all
from ansible_collections.gofleet.hosts.plugins.module_utils._release.store import Store
from ansible_collections.gofleet.hosts.plugins.modules import go_bundle, go_toolchain

SHA256 = "ab" * 32
ARCHIVE = Archive("go1.26.6.linux-amd64.tar.gz", SHA256, 7)
DELTA = Payload("/tmp/delta", "1.26.5", "cd" * 32)


def chosen(
    tmp_path: Path, versions: list[str], *, offer: Offer | None, also: tuple[str, ...] = ()
) -> Choice | Request:
    queries, active = normalize_all(versions, None)
    return choose(
        queries,
        active,
        update=False,
        offer=offer,
        store=Store(str(tmp_path)),
        arch="amd64",
        pins={"stable": "1.27.3"},
        mirror=GoMirror("http://127.0.0.1:9", 1),
        also=also,
    )


def test_queries_of_the_options() -> None:
    assert normalize_all(["go1.27.3", "1.26"], "go1.26") == (["1.27.3", "1.26"], "1.26")
    assert normalize_all(["stable", "1.26"], None) == (["stable", "1.26"], "stable")
    with pytest.raises(HostError, match="wanted at least one"):
        normalize_all([], None)
    with pytest.raises(HostError, match="wanted one of the versions: 1.27"):
        normalize_all(["1.27"], "1.26")


def test_a_pinned_query_is_requested_by_its_release(tmp_path: Path) -> None:
    request = chosen(tmp_path, ["stable", "1.26"], offer=Offer())
    assert request == Request("amd64", ["1.26"], ["1.27.3"], {})


def test_a_payload_of_the_controller(tmp_path: Path) -> None:
    offer = Offer({"1.26": "1.26.6"}, 27, {"1.26.6": ARCHIVE}, {"1.26.6": DELTA})
    choice = chosen(tmp_path, ["1.26"], offer=offer)
    assert isinstance(choice, Choice)
    assert (choice.active, choice.pins) == ("1.26.6", {"1.26": "1.26.6"})
    assert tuple(choice.payloads["1.26.6"]) == ("/tmp/delta", "1.26.5", "cd" * 32)


def test_another_release_is_needed_and_not_used(tmp_path: Path) -> None:
    offer = Offer({}, 27, {"1.26.6": ARCHIVE, "1.22.1": ARCHIVE}, {"1.26.6": DELTA})
    choice = chosen(tmp_path, ["1.26.6"], offer=offer, also=("1.22.1",))
    assert isinstance(choice, Choice)
    assert (choice.versions, sorted(choice.archives), sorted(choice.payloads)) == (
        ["1.26.6"],
        ["1.22.1", "1.26.6"],
        ["1.26.6"],
    )


@pytest.mark.parametrize(
    "offer",
    [
        Offer(),
        Offer({"1.26": "1.26.6"}, 27, {}),
        Offer({"1.26": "1.26.6"}, 27, {"1.26.6": ARCHIVE, "1.22.1": ARCHIVE}, {"1.26.6": DELTA}),
        Offer({}, None, {"1.26.6": ARCHIVE}, {"1.26.6": Payload("/tmp/archive")}),
    ],
)
def test_an_offer_passes_through_the_options(offer: Offer) -> None:
    validated = ArgumentSpecValidator({"offer": toolchain_spec()["offer"]}).validate(
        {"offer": offer.option()}
    )
    assert validated.error_messages == []
    assert Offer.of_option(validated.validated_parameters["offer"]) == offer
    assert Offer.of_option(None) is None


def test_a_request_is_taken_out_of_a_result() -> None:
    request = Request("amd64", ["1.26"], ["1.27.3"], {"1.22.1": {"sha256": SHA256, "size": 7}})
    result = {"changed": False, **request.report()}
    assert Request.taken_from(json.loads(json.dumps(result))) == request
    assert Request.taken_from(result) == request
    assert result == {"changed": False}
    assert Request.taken_from(result) is None


def _same(spec: dict[str, t.Any], documented: dict[str, t.Any]) -> None:
    assert sorted(spec) == sorted(documented)
    for name, option in spec.items():
        found = documented[name]
        for word in ("type", "default", "choices", "elements", "required"):
            assert option.get(word) == found.get(word), (name, word)
        if "options" in option:
            _same(option["options"], found["suboptions"])


@pytest.mark.parametrize(("module", "spec"), [(go_toolchain, toolchain_spec()), (go_bundle, bundle_spec())])
def test_the_options_are_those_that_are_documented(module: t.Any, spec: dict[str, t.Any]) -> None:
    documented = [
        yaml.safe_load(text)["options"] for text in (ModuleDocFragment.DOCUMENTATION, module.DOCUMENTATION)
    ]
    _same(spec, {**documented[0], **documented[1]})
