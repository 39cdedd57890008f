# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import random
import shutil

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.manifest import read_manifest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.cache import DeltaCache
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.last_sent import DeltaMemory
from ansible_collections.gofleet.hosts.plugins.plugin_utils._release.artefact import Artefact
from ansible_collections.gofleet.hosts.plugins.plugin_utils._release.memory import ReleaseMemory


class Controller:
    """Its cache, its memory of one host, and builds of two programs."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.cache = DeltaCache(str(path / "cache"))

    def memory(self, *, host: str = "one", **builds: int) -> ReleaseMemory:
        artefacts = {name: self.artefact(name, build) for name, build in builds.items()}
        places = DeltaMemory(host, path=str(self.path / "places"))
        return ReleaseMemory(artefacts, store="/opt/gofleet", cache=self.cache, places=places)

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
    (name, parcel), *others = controller.memory(api=2, web=1, new=1).guesses().items()
    assert (name, others, parcel.delta) == ("api", [], True)
    assert parcel.guess == read_manifest(controller.artefact("api", 1).path).root
    assert parcel.size < 100_000
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
