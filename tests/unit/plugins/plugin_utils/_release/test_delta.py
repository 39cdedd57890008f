# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import pathlib
import random
import shutil
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.apply import apply_delta
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.manifest import read_manifest
from ansible_collections.gofleet.hosts.plugins.module_utils._release.item import describe_program
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.cache import DeltaCache
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.last_sent import LastSent
from ansible_collections.gofleet.hosts.plugins.plugin_utils._release.artefact import Artefact
from ansible_collections.gofleet.hosts.plugins.plugin_utils._release.delta import (
    LastReleases,
    old_manifest,
    pack_delta,
)

OLD = random.Random(1).randbytes(200_000)
NEW = OLD[:100_000] + b"x" + OLD[100_000:]


@pytest.fixture
def cache(tmp_path: pathlib.Path) -> DeltaCache:
    return DeltaCache(str(tmp_path / "cache"))


def program(tmp_path: pathlib.Path, content: bytes, *, trimpath: bool | None = True) -> Artefact:
    path = tmp_path / f"program{len(content)}"
    path.write_bytes(content)
    return Artefact(str(path), "", len(content), "amd64", {}, trimpath)


@pytest.mark.parametrize(
    ("kept", "new", "method", "at_most"),
    [
        (True, NEW, "bsdiff", 2000),
        (False, NEW, "chunks", 110_000),
        (False, OLD, "same", 500),
        (True, OLD, "same", 500),
    ],
)
def test_the_cheapest_way(
    tmp_path: pathlib.Path, *, cache: DeltaCache, kept: bool, new: bytes, method: str, at_most: int
) -> None:
    if method == "bsdiff":
        pytest.importorskip("bsdiff4")
    old, artefact = program(tmp_path, OLD), program(tmp_path, new)
    told = describe_program(old.path)
    if kept:
        cache.keep(old.path, read_manifest(old.path).root)
    payload = pack_delta(artefact, told, cache=cache)
    assert (payload.method, payload.delta) == (method, True)
    assert payload.size == pathlib.Path(payload.path).stat().st_size <= at_most
    apply_delta(payload.path, old=old.path, into=str(tmp_path / "made"))
    assert (tmp_path / "made").read_bytes() == new


def test_a_host_that_has_nothing_gets_the_whole(tmp_path: pathlib.Path, cache: DeltaCache) -> None:
    payload = pack_delta(program(tmp_path, NEW), None, cache=cache)
    assert (payload.method, payload.hint) == ("whole", None)
    apply_delta(payload.path, old=None, into=str(tmp_path / "made"))
    assert (tmp_path / "made").read_bytes() == NEW


def test_hint_where_the_build_makes_it_dear(tmp_path: pathlib.Path, cache: DeltaCache) -> None:
    told = describe_program(program(tmp_path, OLD).path)
    assert "-trimpath" in str(pack_delta(program(tmp_path, NEW, trimpath=False), told, cache=cache).hint)
    assert pack_delta(program(tmp_path, NEW), told, cache=cache).hint is None


def test_a_host_is_read_as_it_tells(tmp_path: pathlib.Path) -> None:
    path = program(tmp_path, OLD).path
    found = old_manifest(describe_program(path))
    assert found is not None
    assert found.root == read_manifest(path).root


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"size": 5},
        {"size": "many", "leaves": ""},
        {"size": -1, "leaves": ""},
        {"size": 5, "leaves": "%"},
        {"size": 5, "leaves": base64.b64encode(bytes(31)).decode()},
        {"size": 200_000, "leaves": base64.b64encode(bytes(32)).decode()},
        {"size": 5, "leaves": None},
    ],
)
def test_a_host_that_tells_nonsense_gets_the_whole(
    tmp_path: pathlib.Path, cache: DeltaCache, told: dict[str, t.Any]
) -> None:
    assert old_manifest(told) is None
    assert pack_delta(program(tmp_path, NEW), told, cache=cache).method == "whole"


class Controller:
    """Its cache, its memory of one host, and builds of two programs."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.cache = DeltaCache(str(path / "cache"))

    def memory(self, *, host: str = "one", **builds: int) -> LastReleases:
        artefacts = {name: self.artefact(name, build) for name, build in builds.items()}
        last_sent = LastSent(host, path=str(self.path / "last_sent"))
        return LastReleases(artefacts, store="/opt/gofleet", cache=self.cache, last_sent=last_sent)

    def artefact(self, name: str, build: int) -> Artefact:
        path = self.path / f"{name}-{build}"
        path.write_bytes(random.Random(name).randbytes(100_000) + bytes([build]))
        return Artefact(str(path), "", path.stat().st_size, "amd64", {}, True)


@pytest.fixture
def controller(tmp_path: pathlib.Path) -> Controller:
    return Controller(tmp_path)


def test_what_is_another_build_now(controller: Controller) -> None:
    assert controller.memory(api=1, web=1).guesses() == {}
    controller.memory(api=1, web=1).keep()
    assert controller.memory(api=1, web=1).guesses() == {}
    (name, payload), *others = controller.memory(api=2, web=1, new=1).guesses().items()
    assert (name, others, payload.delta) == ("api", [], True)
    assert payload.guess == read_manifest(controller.artefact("api", 1).path).root
    assert payload.size < 100_000
    assert controller.memory(host="two", api=2).guesses() == {}


def test_a_version_that_the_store_had_before_is_asked_for(controller: Controller) -> None:
    """As when one goes back, or two tasks ship two versions: it may be there, beside the one that was left."""
    for build in (1, 2):
        controller.memory(api=build).keep()
    assert controller.memory(api=1).guesses() == {}
    assert set(controller.memory(api=3).guesses()) == {"api"}


def test_a_program_that_is_no_longer_kept(controller: Controller) -> None:
    controller.memory(api=1).keep()
    shutil.rmtree(controller.path / "cache")
    assert controller.memory(api=2).guesses() == {}


def test_a_cache_that_cannot_be_written_costs_the_guess_alone(controller: Controller) -> None:
    controller.memory(api=1).keep()
    shutil.rmtree(controller.path / "cache" / "deltas", ignore_errors=True)
    (controller.path / "cache" / "deltas").touch()
    assert controller.memory(api=2).guesses() == {}
    shutil.rmtree(controller.path / "cache")
    (controller.path / "cache").touch()
    controller.memory(api=2).keep()
    (controller.path / "cache").unlink()
    # A lock that cannot be had.
    lock = (
        controller.path
        / "cache"
        / "contents"
        / f"{read_manifest(controller.artefact('api', 2).path).root}.lock"
    )
    lock.mkdir(parents=True)
    controller.memory(api=2).keep()
