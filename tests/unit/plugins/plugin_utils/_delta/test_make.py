# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.apply import apply_delta
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.manifest import (
    manifest_from_wire,
    manifest_to_wire,
    read_manifest,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta import make
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta import methods as delta_methods
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.cache import DeltaCache
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.make import Delta, hint_for, make_delta

SOURCE = random.Random(6)
RANDOM = SOURCE.randbytes(25 * 16 * 1024)
SHIFTED = RANDOM[:1000] + b"inserted" + RANDOM[1000:]
PATCHED = RANDOM[:70_000] + b"changed" + RANDOM[70_007:]
OTHER = SOURCE.randbytes(300_000)


def delta(tmp_path: Path, old: bytes | None, new: bytes, *, content: bool = True) -> Delta:
    paths = tmp_path / "old", tmp_path / "new"
    paths[1].write_bytes(new)
    told = None
    if old is not None:
        paths[0].write_bytes(old)
        told = manifest_from_wire(manifest_to_wire(read_manifest(str(paths[0]))))
    return make_delta(
        str(paths[1]),
        manifest=read_manifest(str(paths[1])),
        old=told,
        old_path=str(paths[0]) if content and old is not None else None,
        cache=DeltaCache(str(tmp_path / "cache")),
    )


@pytest.mark.parametrize(
    ("old", "new", "content", "expected"),
    [
        (RANDOM, SHIFTED, True, ("bsdiff", 1000)),
        (RANDOM, SHIFTED, False, ("whole", 415_000)),
        (RANDOM, PATCHED, False, ("chunks", 20_000)),
        (RANDOM, RANDOM * 2, False, ("chunks", 1000)),
        (RANDOM, OTHER, True, ("whole", 310_000)),
        (None, PATCHED, False, ("whole", 415_000)),
        (b"", RANDOM, True, ("whole", 415_000)),
    ],
)
def test_the_cheapest_method(
    tmp_path: Path, old: bytes | None, new: bytes, content: bool, expected: tuple[str, int]
) -> None:
    made = delta(tmp_path, old, new, content=content)
    assert made.methods == {expected[0]: 1}
    assert made.size == Path(made.path).stat().st_size <= expected[1]


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta_methods, "bsdiff_imports", lambda: False)
    assert delta(tmp_path, RANDOM, PATCHED).methods == {"chunks": 1}


def test_a_file_too_large_for_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta_methods, "BSDIFF_LIMIT", len(RANDOM) - 1)
    assert delta(tmp_path, RANDOM, PATCHED).methods == {"chunks": 1}


def test_a_file_that_cannot_be_compared_for_want_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delta_methods, "bsdiff", lambda new, old: None)
    assert delta(tmp_path, RANDOM, PATCHED).methods == {"chunks": 1}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (RANDOM, PATCHED, ("chunks", 20_000)),
        (RANDOM, RANDOM * 2, ("chunks", 1000)),
        (RANDOM, OTHER, ("whole", 310_000)),
        (None, OTHER, ("whole", 310_000)),
    ],
)
def test_a_file_too_large_for_the_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    old: bytes | None,
    new: bytes,
    expected: tuple[str, int],
) -> None:
    monkeypatch.setattr(delta_methods, "_IN_MEMORY", 1000)
    monkeypatch.setattr(delta_methods, "_PIECE", 7000)
    monkeypatch.setattr(delta_methods, "_content", None)
    made = delta(tmp_path, old, new)
    assert (made.methods, made.size <= expected[1]) == ({expected[0]: 1}, True)
    apply_delta(made.path, old=str(tmp_path / "old"), into=str(tmp_path / "into"))
    assert (tmp_path / "into").read_bytes() == new


def test_a_source_that_changes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by a build that has not ended: a delta that leads to something else is neither sent nor kept."""
    real = make.cheapest

    def cheapest(new: str, **options: t.Any) -> delta_methods.Method:
        Path(new).write_bytes(OTHER)
        return real(new, **options)

    monkeypatch.setattr(make, "cheapest", cheapest)
    with pytest.raises(HostError, match="content that does not change while it is read"):
        delta(tmp_path, RANDOM, PATCHED)
    monkeypatch.undo()
    assert delta(tmp_path, RANDOM, PATCHED).methods == {"bsdiff": 1}


def test_whether_a_file_may_be_executed_has_a_delta_of_its_own(tmp_path: Path) -> None:
    paths = []
    for mode in (0o644, 0o755):
        (tmp_path / "new").write_bytes(b"new")
        (tmp_path / "new").chmod(mode)
        paths.append(delta(tmp_path, None, b"new").path)
        apply_delta(paths[-1], old=None, into=str(tmp_path / f"into{mode}"))
        assert (tmp_path / f"into{mode}").stat().st_mode & 0o777 == mode
    assert paths[0] != paths[1]


def test_many_files_keep_their_order(tmp_path: Path) -> None:
    """They are compared several at once, and some take longer."""
    source = random.Random(8)
    for tree in ("old", "new"):
        (tmp_path / tree).mkdir()
    for number in range(30):
        content = bytearray(source.randbytes(source.choice([10, 1000, 100_000, 400_000])))
        (tmp_path / "old" / str(number)).write_bytes(content)
        content[len(content) // 2] ^= 1
        (tmp_path / "new" / str(number)).write_bytes(content)
    made = make_delta(
        str(tmp_path / "new"),
        manifest=read_manifest(str(tmp_path / "new")),
        old=read_manifest(str(tmp_path / "old")),
        old_path=str(tmp_path / "old"),
        cache=DeltaCache(str(tmp_path / "cache")),
    )
    assert sum(made.methods.values()) == 30 and made.methods["bsdiff"] > 15
    (tmp_path / "into").mkdir()
    apply_delta(made.path, old=str(tmp_path / "old"), into=str(tmp_path / "into"))


def test_a_file_that_moved_is_not_sent(tmp_path: Path) -> None:
    for name, path in (("old", "x"), ("new", "moved/y")):
        (tmp_path / name / "moved").mkdir(parents=True)
        (tmp_path / name / path).write_bytes(RANDOM)
    old = read_manifest(str(tmp_path / "old"))
    made = make_delta(
        str(tmp_path / "new"),
        manifest=read_manifest(str(tmp_path / "new")),
        old=old,
        old_path=None,
        cache=DeltaCache(str(tmp_path / "cache")),
    )
    assert made.methods == {"same": 1}
    assert made.size < 1000


def test_a_tree_where_a_file_was(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"x")
    (tmp_path / "new").mkdir()
    made = make_delta(
        str(tmp_path / "new"),
        manifest=read_manifest(str(tmp_path / "new")),
        old=read_manifest(str(tmp_path / "old")),
        old_path=None,
        cache=DeltaCache(str(tmp_path / "cache")),
    )
    assert (made.old, made.methods) == (None, {})


@pytest.mark.parametrize("target", ["/etc/passwd", "..", "a/../../x"])
def test_links_that_lead_out_are_refused_before_anything_is_sent(tmp_path: Path, target: str) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "link").symlink_to(target)
    with pytest.raises(HostError, match="links that lead inside"):
        make_delta(
            str(tmp_path / "new"),
            manifest=read_manifest(str(tmp_path / "new")),
            old=None,
            old_path=None,
            cache=DeltaCache(str(tmp_path / "cache")),
        )


def test_bytes_that_differ_everywhere_a_little(tmp_path: Path) -> None:
    """Addresses in a program that was linked anew: bsdiff adds to them, chunks find nothing."""
    moved = bytes((byte + 1) % 256 if index % 64 == 0 else byte for index, byte in enumerate(RANDOM))
    made = delta(tmp_path, RANDOM, moved)
    assert made.methods == {"bsdiff": 1}
    assert made.size < len(moved) // 20


def test_random_bytes_round_trip(tmp_path: Path) -> None:
    source = random.Random(7)
    for number in range(12):
        folder = tmp_path / str(number)
        folder.mkdir()
        old = source.randbytes(source.randrange(1, 50_000))
        cuts: t.List[bytes] = [
            old[source.randrange(len(old)) :][: source.randrange(1, 9000)] + source.randbytes(5)
            for dummy in range(source.randrange(1, 6))
        ]
        new = b"".join(cuts)
        made = delta(folder, old, new)
        apply_delta(made.path, old=str(folder / "old"), into=str(folder / "into"))
        assert (folder / "into").read_bytes() == new


MAIN = 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println(1) }\n'


@pytest.mark.parametrize(("ldflags", "told"), [("", True), ("-compressdwarf=false", False), ("-s -w", False)])
def test_programs_of_the_go_tool(tmp_path: Path, ldflags: str, told: bool) -> None:
    go = shutil.which("go")
    assert go, "the tests bring a Go with them: tests/requirements.txt"
    (tmp_path / "main.go").write_text(MAIN, encoding="utf-8")
    (tmp_path / "go.mod").write_text("module x\n", encoding="utf-8")
    subprocess.run([go, "build", f"-ldflags={ldflags}", "-o", "x", "."], cwd=tmp_path, check=True)
    size = (tmp_path / "x").stat().st_size
    assert (hint_for(str(tmp_path / "x"), cost=size // 10) is not None) is told
    assert hint_for(str(tmp_path / "x"), cost=size // 100) is None


def test_what_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\x7fELF and no more")
    assert hint_for(str(tmp_path / "x"), cost=10) is None
