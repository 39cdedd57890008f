# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deltas made and applied for real, with damage and ill will in between."""

from __future__ import annotations

import io
import os
import random
import shutil
import typing as t
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.apply import Applied, apply_delta
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.format import (
    Header,
    Plan,
    read_delta,
    write_delta,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.manifest import read_manifest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.patch import NEW, instruction
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.cache import DeltaCache
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.make import make_delta


def a_tree(path: Path, seed: int) -> Path:
    """A tree of a few files that have much in common with those of other seeds."""
    source = random.Random(seed)
    base = random.Random(0).randbytes(90_000)
    for folder in ("", "a", "a/b", f"only{seed}"):
        (path / folder).mkdir(parents=True, exist_ok=True)
        for index in range(4):
            start = (index + len(folder)) % 3 * 16_384
            content = bytearray(base[start : start + source.randrange(30_000, 60_000)])
            content[source.randrange(len(content))] ^= 1
            (path / folder / f"f{index}").write_bytes(bytes(content))
            (path / folder / f"f{index}").chmod(source.choice([0o644, 0o755]))
    (path / "a" / "link").symlink_to(source.choice(["../f1", "b/f2"]))
    (path / "same").write_bytes(b"same")
    return path


class Shipped(t.NamedTuple):
    old: Path
    new: Path
    delta: str


@pytest.fixture
def shipped(tmp_path: Path) -> Shipped:
    old, new = a_tree(tmp_path / "old", 1), a_tree(tmp_path / "new", 2)
    return Shipped(old, new, made(old, new, DeltaCache(str(tmp_path / "cache"))))


def made(old: Path | None, new: Path, cache: DeltaCache, *, content: bool = True) -> str:
    delta = make_delta(
        str(new),
        manifest=read_manifest(str(new)),
        old=None if old is None else read_manifest(str(old)),
        old_path=str(old) if content and old is not None else None,
        cache=cache,
    )
    return delta.path


def applied(shipped: Shipped, into: Path, **options: t.Any) -> Applied:
    into.mkdir()
    return apply_delta(shipped.delta, old=str(shipped.old), into=str(into), **options)


@pytest.mark.parametrize("content", [True, False], ids=["content known", "leaves known"])
@pytest.mark.parametrize("seed", range(3, 9))
def test_any_tree_out_of_any_other(tmp_path: Path, seed: int, content: bool) -> None:
    old, new = a_tree(tmp_path / "old", seed), a_tree(tmp_path / "new", seed + 10)
    delta = made(old, new, DeltaCache(str(tmp_path / "cache")), content=content)
    result = applied(Shipped(old, new, delta), tmp_path / "into")
    assert result.root == read_manifest(str(new)).root == read_manifest(str(tmp_path / "into")).root
    assert result.bytes_reused > result.size // (3 if content else 100)
    assert (tmp_path / "into" / "a" / "link").readlink() == (new / "a" / "link").readlink()


@pytest.mark.parametrize("content", [b"", b"new", os.urandom(70_000)])
@pytest.mark.parametrize("before", [None, b"", b"old", os.urandom(70_000)])
def test_a_file(tmp_path: Path, before: bytes | None, content: bytes) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    new.write_bytes(content)
    if before is not None:
        old.write_bytes(before)
    delta = made(old if before is not None else None, new, DeltaCache(str(tmp_path / "cache")))
    apply_delta(delta, old=str(old), into=str(tmp_path / "into"))
    assert (tmp_path / "into").read_bytes() == content


def test_modes_whatever_the_umask(shipped: Shipped, tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        applied(shipped, tmp_path / "into")
    finally:
        os.umask(mask)
    modes = {path.stat().st_mode & 0o7777 for path in (tmp_path / "into").rglob("f*")}
    assert modes == {0o644, 0o755}
    assert (tmp_path / "into" / "a").stat().st_mode & 0o7777 == 0o755


def test_unchanged_files_as_hard_links(shipped: Shipped, tmp_path: Path) -> None:
    applied(shipped, tmp_path / "into", link_unchanged=True)
    assert (tmp_path / "into" / "same").samefile(shipped.old / "same")
    assert not (tmp_path / "into" / "a" / "f1").samefile(shipped.old / "a" / "f1")


def refused(shipped: Shipped, into: Path, match: str) -> None:
    """The delta is refused, the old content is as it was, and nothing is left of the new."""
    before = read_manifest(str(shipped.old)).root
    with pytest.raises(HostError, match=match):
        applied(shipped, into)
    assert os.listdir(into) == []
    assert read_manifest(str(shipped.old)).root == before


def test_an_old_file_that_changed_in_between(shipped: Shipped, tmp_path: Path) -> None:
    (shipped.old / "same").write_bytes(b"changed")
    refused(shipped, tmp_path / "into", "which the delta starts from; found the root")


def test_an_old_content_that_is_gone_or_no_tree(shipped: Shipped, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for old in (tmp_path / "file", tmp_path / "none"):
        into = tmp_path / f"into-{old.name}"
        into.mkdir()
        with pytest.raises(HostError):
            apply_delta(shipped.delta, old=str(old), into=str(into))
        assert os.listdir(into) == []


def test_a_flipped_byte_anywhere(shipped: Shipped, tmp_path: Path) -> None:
    data = Path(shipped.delta).read_bytes()
    harmed = tmp_path / "harmed"
    for place in sorted(random.Random(5).sample(range(len(data)), 25)):
        harmed.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        refused(shipped._replace(delta=str(harmed)), tmp_path / f"into{place}", "wanted")


def test_wrong_content_with_right_checksums(shipped: Shipped, tmp_path: Path) -> None:
    """Whoever can make frames still cannot make content that has the root."""
    with open(shipped.delta, "rb") as stream:
        header, plan, dummy = read_delta(stream)
    sizes = [change[3] for change in plan.changed if change[1] == "file" and change[3]]
    body = b"".join(instruction(NEW, size) + bytes(size) for size in sizes)
    with open(tmp_path / "forged", "wb") as stream:
        write_delta(stream, header, plan, [body], preset=0)
    refused(shipped._replace(delta=str(tmp_path / "forged")), tmp_path / "into", "content with the root")


HOSTILE = [
    (["../x", "file", False, 0, "", None], "outside the tree"),
    (["/etc/x", "file", False, 0, "", None], "outside the tree"),
    (["a/../x", "file", False, 0, "", None], "outside the tree"),
    (["", "file", False, 0, "", None], "outside the tree"),
    (["a\0b", "file", False, 0, "", None], "outside the tree"),
    (["x", "link", False, 0, "/etc/passwd", None], "can lead out"),
    (["a/x", "link", False, 0, "../../x", None], "can lead out"),
    (["same/x", "file", False, 0, "", None], "not a directory"),
    (["a/link/x", "file", False, 0, "", None], "not a directory"),
    (["nowhere/x", "file", False, 0, "", None], "not a directory"),
    (["x", "file", False, 0, "", "none"], "does not exist"),
    (["x", "file", False, 0, "", "a"], "does not exist"),
    (["x", "file", False, 10**15, "", None], "bytes together"),
]


@pytest.mark.parametrize(("change", "match"), HOSTILE)
def test_hostile_plans(shipped: Shipped, tmp_path: Path, change: list[t.Any], match: str) -> None:
    manifest = read_manifest(str(shipped.old))
    header = Header(manifest.root, "0" * 64, True, manifest.size)
    with open(tmp_path / "forged", "wb") as stream:
        write_delta(stream, header, Plan([], [change]), [], preset=0)
    refused(shipped._replace(delta=str(tmp_path / "forged")), tmp_path / "into", match)


def test_the_same_path_twice(shipped: Shipped, tmp_path: Path) -> None:
    manifest = read_manifest(str(shipped.old))
    twice = [["x", "directory", False, 0, "", None]] * 2
    with open(tmp_path / "forged", "wb") as stream:
        write_delta(
            stream, Header(manifest.root, "0" * 64, True, manifest.size), Plan([], twice), [], preset=0
        )
    refused(shipped._replace(delta=str(tmp_path / "forged")), tmp_path / "into", "same path twice")


def test_a_full_disk(shipped: Shipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, data: t.Any) -> int:
            raise OSError(28, "No space left on device")

    real = os.fdopen

    def fdopen(descriptor: int, mode: str = "r", *rest: t.Any, **more: t.Any) -> t.Any:
        if mode == "wb":
            os.close(descriptor)
            return Full()
        return real(descriptor, mode, *rest, **more)

    monkeypatch.setattr(os, "fdopen", fdopen)
    with pytest.raises(OSError, match="No space left"):
        applied(shipped, tmp_path / "into")
    assert os.listdir(tmp_path / "into") == []


def test_links_put_in_the_place_of_old_files(shipped: Shipped, tmp_path: Path) -> None:
    shutil.move(shipped.old / "same", tmp_path / "elsewhere")
    (shipped.old / "same").symlink_to(tmp_path / "elsewhere")
    refused(shipped, tmp_path / "into", "which the delta starts from")
