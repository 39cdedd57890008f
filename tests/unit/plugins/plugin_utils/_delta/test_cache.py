# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.manifest import read_manifest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.cache import DeltaCache


@pytest.fixture
def cache(tmp_path: Path) -> DeltaCache:
    return DeltaCache(str(tmp_path / "cache"))


class Maker:
    def __init__(self, data: bytes = b"delta") -> None:
        self.data = data
        self.runs = 0

    def __call__(self, path: str) -> dict[str, object]:
        self.runs += 1
        Path(path).write_bytes(self.data)
        return {"methods": {"whole": 1}}


def test_a_delta_is_made_once(cache: DeltaCache) -> None:
    maker = Maker()
    first, second = cache.delta("a-b", maker), cache.delta("a-b", maker)
    known = {"methods": {"whole": 1}, "sha256": hashlib.sha256(b"delta").hexdigest()}
    assert first == second == (f"{cache.path}/deltas/a-b", known)
    assert maker.runs == 1
    assert Path(first[0]).read_bytes() == b"delta"
    cache.delta("a-c", maker)
    assert maker.runs == 2
    assert Path(cache.path, "deltas").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.write_bytes(b"Delta"),
        lambda path: path.unlink(),
        lambda path: path.with_name("a-b.json").write_text("{}", encoding="utf-8"),
        lambda path: path.with_name("a-b.json").write_text("[", encoding="utf-8"),
        lambda path: path.with_name("a-b.json").unlink(),
    ],
)
def test_a_damaged_delta_is_made_again(cache: DeltaCache, harm: object) -> None:
    maker = Maker()
    path = Path(cache.delta("a-b", maker)[0])
    harm(path)  # type: ignore[operator]
    cache.delta("a-b", maker)
    assert (maker.runs, path.read_bytes()) == (2, b"delta")


def test_a_maker_that_fails_leaves_nothing(cache: DeltaCache) -> None:
    def fails(path: str) -> dict[str, object]:
        Path(path).write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cache.delta("a-b", fails)
    assert os.listdir(f"{cache.path}/deltas") == ["a-b.lock"]
    assert cache.delta("a-b", Maker())[1]


def test_contents(cache: DeltaCache, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "x").write_bytes(b"x")
    (tree / "x").chmod(0o755)
    (tree / "l").symlink_to("x")
    for source in (tree, tree / "x"):
        root = read_manifest(str(source)).root
        assert cache.content(root) is None
        cache.keep(str(source), root)
        cache.keep(str(source), root)
        kept = cache.content(root)
        assert kept is not None
        assert read_manifest(kept.path).root == kept.manifest.root == root


def test_a_damaged_content_is_no_content(cache: DeltaCache, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    root = read_manifest(str(tmp_path / "x")).root
    cache.keep(str(tmp_path / "x"), root)
    Path(cache.path, "contents", root).write_bytes(b"y")
    assert cache.content(root) is None
    assert os.listdir(f"{cache.path}/contents") == []


def test_what_was_used_last_stays(tmp_path: Path) -> None:
    cache = DeltaCache(str(tmp_path), limit=25)
    for number, name in enumerate(["one", "two"]):
        os.utime(cache.delta(name, Maker(b"0123456789"))[0], (number, number))
    cache.delta("one", Maker())
    cache.delta("three", Maker(b"0123456789"))
    there = {name for name in os.listdir(tmp_path / "deltas") if "." not in name}
    assert there == {"one", "three"}
    cache.delta("huge", Maker(bytes(100)))
    assert {name for name in os.listdir(tmp_path / "deltas") if "." not in name} == {"huge"}


def test_roots_of_contents_the_last_used_first(cache: DeltaCache, tmp_path: Path) -> None:
    assert cache.roots() == []
    for number, name in enumerate(["ab", "cd", "ef"]):
        (tmp_path / name).write_text(name, encoding="utf-8")
        cache.keep(str(tmp_path / name), name)
        os.utime(Path(cache.path, "contents", name), (number, number))
    cache.keep(str(tmp_path / "ab"), "ab")
    assert cache.roots() == ["ab", "ef", "cd"]


def test_what_killed_runs_were_making_goes(cache: DeltaCache) -> None:
    for name in (".making-old", ".making-new"):
        Path(cache.path, "deltas", name).mkdir(parents=True)
    os.utime(Path(cache.path, "deltas", ".making-old"), (1, 1))
    cache.delta("a-b", Maker())
    assert {".making-new"} == {name for name in os.listdir(f"{cache.path}/deltas") if name[0] == "."}


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x\n"])
def test_names(cache: DeltaCache, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        cache.delta(name, Maker())


def test_two_processes_make_one_delta(cache: DeltaCache, tmp_path: Path) -> None:
    program = """if True:
        import sys, time
        from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.cache import DeltaCache
        def make(path):
            with open(sys.argv[2], "a") as log:
                log.write("made\\n")
            time.sleep(0.5)
            open(path, "w").write("x")
            return {}
        DeltaCache(sys.argv[1]).delta("a-b", make)
    """
    log = tmp_path / "log"
    command = [sys.executable, "-c", program, cache.path, str(log)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [subprocess.Popen(command, env=environment) for dummy in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert log.read_text(encoding="utf-8") == "made\n"
