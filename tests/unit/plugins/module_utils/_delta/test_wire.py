# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.manifest import read_manifest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.wire import (
    manifest_from_wire,
    manifest_to_wire,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError


def test_there_and_back(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "big").write_bytes(random.Random(1).randbytes(50_000))
    (tmp_path / "small").write_bytes(b"")
    (tmp_path / "link").symlink_to("small")
    manifest = read_manifest(str(tmp_path))
    told = manifest_from_wire(manifest_to_wire(manifest))
    assert (told.root, told.is_tree) == (manifest.root, True)
    assert [entry._replace(leaves=()) for entry in told.entries] == [
        entry._replace(leaves=()) for entry in manifest.entries
    ]
    assert [entry.bytes_alike for entry in told.entries] == [entry.bytes_alike for entry in manifest.entries]


@pytest.mark.parametrize(
    "harm",
    [
        {"names": "AAAA"},
        {"names": "no base64!"},
        {"leaves": ""},
        {"leaves": "A" * 400},
        {"names": None},
    ],
)
def test_damage(tmp_path: Path, harm: dict[str, object]) -> None:
    (tmp_path / "x").write_bytes(b"x")
    wire = {**manifest_to_wire(read_manifest(str(tmp_path))), **harm}
    with pytest.raises(HostError, match="wanted a manifest"):
        manifest_from_wire(wire)
    with pytest.raises(HostError, match="wanted a manifest"):
        manifest_from_wire({})
