# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os
import random
import socket
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.manifest import (
    Entry,
    Manifest,
    chunk_size,
    leaf_hash,
    manifest_from_wire,
    manifest_to_wire,
    read_manifest,
    root_of,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError

KIB = 1024


def tree(path: Path) -> Path:
    (path / "bin").mkdir(parents=True)
    (path / "bin" / "go").write_bytes(b"program")
    (path / "bin" / "go").chmod(0o755)
    (path / "empty").mkdir()
    (path / "link").symlink_to("bin/go")
    (path / "nothing").write_bytes(b"")
    (path / os.fsdecode(b"\xff")).write_bytes(b"no UTF-8")
    return path


@pytest.mark.parametrize(
    ("size", "chunk"),
    [
        (0, 16 * KIB),
        (256 * KIB * KIB, 16 * KIB),
        (256 * KIB * KIB + 1, 32 * KIB),
        (10**15, KIB * KIB),
    ],
)
def test_chunks_grow_with_the_file(size: int, chunk: int) -> None:
    assert chunk_size(size) == chunk


def test_a_file(tmp_path: Path) -> None:
    data = bytes(range(256)) * 150
    (tmp_path / "x").write_bytes(data)
    manifest = read_manifest(str(tmp_path / "x"))
    chunks = [data[start : start + 16 * KIB] for start in range(0, len(data), 16 * KIB)]
    assert len(chunks) == 3
    assert manifest.root == root_of(map(leaf_hash, chunks)).hex()
    assert (manifest.is_tree, manifest.size) == (False, len(data))


def test_a_tree(tmp_path: Path) -> None:
    entries = read_manifest(str(tree(tmp_path / "a"))).entries
    assert [(entry.path, entry.kind, entry.executable, entry.size, entry.target) for entry in entries] == [
        ("bin", "directory", False, 0, ""),
        ("bin/go", "file", True, 7, ""),
        ("empty", "directory", False, 0, ""),
        ("link", "link", False, 0, "bin/go"),
        ("nothing", "file", False, 0, ""),
        ("\udcff", "file", False, 8, ""),
    ]


def test_the_root_is_about_content_alone(tmp_path: Path) -> None:
    one, other = tree(tmp_path / "a"), tree(tmp_path / "b")
    root = read_manifest(str(one)).root
    os.utime(other / "nothing", (1, 1))
    (other / "nothing").chmod(0o600)
    (other / "bin").chmod(0o700)
    (other / ".gofleet.json").write_text("ours", encoding="utf-8")
    assert read_manifest(str(other), ignore=[".gofleet.json"]).root == root
    assert read_manifest(str(other)).root != root


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: (tree / "nothing").chmod(0o755),
        lambda tree: (tree / "nothing").write_bytes(b"1"),
        lambda tree: (tree / "nothing").rename(tree / "other"),
        lambda tree: (tree / "empty").rmdir(),
        lambda tree: ((tree / "link").unlink(), (tree / "link").symlink_to("bin")),
        lambda tree: ((tree / "empty").rmdir(), (tree / "empty").write_bytes(b"")),
        lambda tree: (tree / "bin" / "go").write_bytes(b"prograM"),
    ],
)
def test_every_difference_counts(tmp_path: Path, change: object) -> None:
    root = read_manifest(str(tree(tmp_path / "a"))).root
    change(tmp_path / "a")  # type: ignore[operator]
    assert read_manifest(str(tmp_path / "a")).root != root


def test_fields_do_not_run_into_each_other() -> None:
    one = Manifest([Entry("a", "link", target="b/c")], is_tree=True)
    other = Manifest([Entry("c", "link", target="a/b")], is_tree=True)
    assert one.root != other.root


def test_what_is_no_content(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="no such file or directory"):
        read_manifest(str(tmp_path / "none"))
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(HostError, match="found a link"):
        read_manifest(str(tmp_path / "link"))
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(HostError, match="a device, a pipe or a socket"):
            read_manifest(str(path))
    (tmp_path / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        with pytest.raises(HostError, match="socket'?: wanted"):
            read_manifest(str(tmp_path))


def test_a_directory_that_cannot_be_read_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path / "a")
    real = os.open

    def refusing(path: str, flags: int, *rest: int, **options: int) -> int:
        if path == "bin":
            raise PermissionError(13, "Permission denied", path)
        return real(path, flags, *rest, **options)

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(HostError, match="Permission denied: 'bin'"):
        read_manifest(str(tmp_path / "a"))


def by_the_book(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    left = 1
    while left * 2 < len(leaves):
        left *= 2
    return hashlib.sha256(b"\1" + by_the_book(leaves[:left]) + by_the_book(leaves[left:])).digest()


@pytest.mark.parametrize("count", [*range(18), 255, 256, 257])
def test_the_root(count: int) -> None:
    leaves = [leaf_hash(bytes([index % 256])) for index in range(count)]
    assert root_of(iter(leaves)) == by_the_book(leaves)


def test_a_known_root() -> None:
    """The first leaf of the test vectors of Certificate Transparency is the empty one."""
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_of([leaf_hash(b""), leaf_hash(b"\0")]).hex() == (
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    )


def test_a_node_is_no_leaf() -> None:
    one, two = leaf_hash(b"1"), leaf_hash(b"2")
    assert leaf_hash(one + two) != root_of([one, two])
    assert root_of([one, two]) != root_of([two, one])
    assert root_of([one, two, two]) != root_of([one, two, two, two])


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
    with pytest.raises(HostError, match="the manifest of the host: wanted names and leaves"):
        manifest_from_wire(wire)
    with pytest.raises(HostError, match="the manifest of the host: wanted names and leaves"):
        manifest_from_wire({})
