# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import hashlib
import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.manifest import read_manifest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._release.item import (
    describe_program,
    old_program,
    read_release,
    stage_release,
)
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.cache import DeltaCache
from ansible_collections.gofleet.hosts.plugins.plugin_utils._release.artefact import Artefact
from ansible_collections.gofleet.hosts.plugins.plugin_utils._release.delta import pack_delta

OLD, NEW = b"program one" * 5000, b"program two" * 5000


def item(artefact: pathlib.Path, program: bytes, **changes: t.Any) -> dict[str, t.Any]:
    return {
        "name": "hello",
        "version": "",
        "sha256": hashlib.sha256(program).hexdigest(),
        "size": len(program),
        "goarch": "amd64",
        "files": [],
        "needs": None,
        "artefact": str(artefact),
        "delta": False,
        "guess": None,
        **changes,
    }


@pytest.fixture
def delta(tmp_path: pathlib.Path) -> pathlib.Path:
    """A delta from the old program, which is in the store under /opt, to the new one."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(OLD)
    new.write_bytes(NEW)
    stage_release(_release(item(old, OLD, version="1"), tmp_path))
    artefact = Artefact(str(new), hashlib.sha256(NEW).hexdigest(), len(NEW), "amd64", {}, None)
    payload = pack_delta(artefact, describe_program(str(old)), cache=DeltaCache(str(tmp_path / "cache")))
    return pathlib.Path(payload.path)


def _release(wanted: dict[str, t.Any], tmp_path: pathlib.Path) -> t.Any:
    release = read_release(wanted, root=str(tmp_path / "opt"))
    (tmp_path / "opt" / "hello").mkdir(parents=True, exist_ok=True)
    return release


def names(tmp_path: pathlib.Path) -> set[str]:
    return {path.name for path in (tmp_path / "opt" / "hello").iterdir()}


def test_a_delta_becomes_the_program(tmp_path: pathlib.Path, delta: pathlib.Path) -> None:
    files = [{"path": "etc/a", "mode": "0600", "data": base64.b64encode(b"a").decode()}]
    release = _release(item(delta, NEW, delta=True, files=files), tmp_path)
    assert old_program(release) == str(tmp_path / "opt" / "hello" / "1" / "hello")
    stage_release(release)
    tree = tmp_path / "opt" / "hello" / release.version
    assert (tree / "hello").read_bytes() == NEW
    assert (tree / "hello").stat().st_mode & 0o777 == 0o755
    assert (tree / "etc" / "a").read_bytes() == b"a"
    marker = release.store.marker(release.version)
    assert marker is not None
    assert marker.sha256 == release.content != release.sha256


def test_no_old_program_in_an_empty_store(tmp_path: pathlib.Path) -> None:
    assert old_program(_release(item(tmp_path / "x", NEW), tmp_path)) is None


def change_old(tmp_path: pathlib.Path, delta: pathlib.Path) -> None:
    (tmp_path / "opt" / "hello" / "1" / "hello").write_bytes(OLD[:-1] + b"x")


def flip(tmp_path: pathlib.Path, delta: pathlib.Path) -> None:
    data = bytearray(delta.read_bytes())
    data[len(data) // 2] ^= 1
    delta.write_bytes(data)


def cut(tmp_path: pathlib.Path, delta: pathlib.Path) -> None:
    delta.write_bytes(delta.read_bytes()[:-20])


def no_old(tmp_path: pathlib.Path, delta: pathlib.Path) -> None:
    (tmp_path / "opt" / "hello" / "1" / ".gofleet.json").unlink()


@pytest.mark.parametrize("spoil", [change_old, flip, cut, no_old])
def test_a_delta_that_does_not_fit_installs_nothing(
    tmp_path: pathlib.Path, delta: pathlib.Path, spoil: t.Callable[[pathlib.Path, pathlib.Path], None]
) -> None:
    spoil(tmp_path, delta)
    with pytest.raises(HostError):
        stage_release(_release(item(delta, NEW, delta=True), tmp_path))
    assert names(tmp_path) == {"1"}


def test_a_delta_to_something_else_installs_nothing(tmp_path: pathlib.Path, delta: pathlib.Path) -> None:
    with pytest.raises(HostError, match="after the transfer"):
        stage_release(_release(item(delta, NEW, delta=True, sha256="0" * 64), tmp_path))
    assert names(tmp_path) == {"1"}


def test_a_delta_from_what_was_guessed_to_be_here(tmp_path: pathlib.Path, delta: pathlib.Path) -> None:
    root = read_manifest(str(tmp_path / "old")).root
    right = _release(item(delta, NEW, delta=True, guess=root), tmp_path)
    wrong = _release(item(delta, NEW, delta=True, guess="0" * 64), tmp_path)
    assert (right.artefact, wrong.artefact) == (str(delta), "")
    stage_release(right)
    assert old_program(right) == str(tmp_path / "opt" / "hello" / right.version / "hello")


def test_a_guess_at_an_empty_store_is_wrong(tmp_path: pathlib.Path) -> None:
    release = _release(item(tmp_path / "delta", NEW, delta=True, guess="0" * 64), tmp_path)
    assert release.artefact == ""
