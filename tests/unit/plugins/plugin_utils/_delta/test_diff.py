# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from ansible_collections.gofleet.hosts.plugins.module_utils._delta.manifest import (
    Entry,
    Manifest,
    manifest_from_wire,
    manifest_to_wire,
    read_manifest,
)
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.diff import content_diff


def tree(path: Path, content: bytes, *, mode: int, target: str, folder: str) -> Manifest:
    path.mkdir()
    (path / "same").write_bytes(b"same")
    (path / "file").write_bytes(content)
    (path / "run").write_bytes(b"run")
    (path / "run").chmod(mode)
    (path / "link").symlink_to(target)
    (path / folder).mkdir()
    return read_manifest(str(path))


def test_names_and_sizes_of_what_differs_and_nothing_of_what_is_in_it(tmp_path: Path) -> None:
    old = tree(tmp_path / "old", b"secret", mode=0o644, target="same", folder="gone")
    new = tree(tmp_path / "new", b"another secret", mode=0o755, target="file", folder="came")
    told = manifest_from_wire(manifest_to_wire(old))
    assert content_diff(told, new, dest="/srv/x") == content_diff(old, new, dest="/srv/x")
    found = content_diff(told, new, dest="/srv/x")
    run = old.by_path()["run"].digest.hex()[:12]
    digests = [it.by_path()["file"].digest.hex()[:12] for it in (old, new)]
    assert found == {
        "before_header": "/srv/x",
        "after_header": "/srv/x",
        "before": f"file: 6 bytes, {digests[0]}\ngone/\nlink -> same\nrun: 3 bytes, {run}\n",
        "after": f"came/\nfile: 14 bytes, {digests[1]}\nlink -> file\nrun: 3 bytes, {run}, executable\n",
    }


def test_where_nothing_was(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    manifest = read_manifest(str(tmp_path / "x"))
    found = content_diff(None, manifest, dest="/x")
    assert (found["before"], found["after"]) == ("", f"content: 1 bytes, {manifest.root[:12]}\n")


def test_a_name_that_is_no_text() -> None:
    new = Manifest([Entry("\udcff", "directory")], is_tree=True)
    assert content_diff(None, new, dest="/x")["after"] == "?/\n"


def test_long_ones_are_cut() -> None:
    new = Manifest([Entry(f"{number:04}", "directory") for number in range(250)], is_tree=True)
    lines = content_diff(None, new, dest="/x")["after"].splitlines()
    assert (len(lines), lines[199], lines[200]) == (201, "0199/", "and 50 more")
