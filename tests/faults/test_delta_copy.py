# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong between two contents: the host has one of them, whole, and the next run mends the rest."""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.format import (
    Header,
    Plan,
    read_delta,
    write_delta,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.manifest import read_manifest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta import pacing
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.cache import DeltaCache

from .conftest import SEED, Say, run_as_root, small_file_system
from .delta_host import Cut, DeltaHost, make_tree

KILLS = int(os.environ.get("KILL_TRIALS", "0")) or 8


class Trees(t.NamedTuple):
    one: Path
    two: Path
    roots: tuple[str, str]


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    one, two = make_tree(tmp_path / "one", 1), make_tree(tmp_path / "two", 2)
    return Trees(one, two, (read_manifest(str(one)).root, read_manifest(str(two)).root))


@pytest.fixture
def host(tmp_path: Path, trees: Trees, monkeypatch: pytest.MonkeyPatch) -> DeltaHost:
    """A host that has the first tree, as the controller knows."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    host = DeltaHost(tmp_path)
    shutil.copytree(trees.one, host.dest, symlinks=True)
    DeltaCache().keep(str(trees.one), trees.roots[0])
    return host


def once(change: t.Callable[[], object]) -> t.Callable[[], object]:
    changes = iter([change])

    def at_first() -> object:
        return next(changes, lambda: None)()

    return at_first


def check_healed(host: DeltaHost, trees: Trees) -> None:
    """The next run gets there, leaves nothing beside it, and the one after it has nothing to do."""
    result = host.copy(trees.two)
    assert not result.get("failed"), result
    assert (host.root(), host.names()) == (trees.roots[1], ["dest"])
    assert not host.copy(trees.two)["changed"]


def check_old(host: DeltaHost, trees: Trees, result: dict[str, t.Any], message: str) -> None:
    """A clear error, and the old content as it was."""
    assert result["failed"], result
    assert message in result["msg"]
    assert set(result["error"]) == {"subject", "wanted", "found", "remedy"}
    assert host.root() == trees.roots[0]


def test_the_old_content_changes_between_the_two_round_trips(host: DeltaHost, trees: Trees) -> None:
    host.before_take = once(lambda: (host.dest / "seed").write_bytes(b"changed"))
    result = host.copy(trees.two)
    assert not result.get("failed")
    assert "which the delta starts from; found the root" in host.told[0]
    assert (host.root(), host.names()) == (trees.roots[1], ["dest"])
    assert host.runs[-2]["have"]["root"] not in trees.roots
    assert result["bytes_sent"] > result["bytes_whole"]


def test_the_old_content_goes_between_the_two_round_trips(host: DeltaHost, trees: Trees) -> None:
    host.before_take = once(lambda: shutil.rmtree(host.dest))
    assert not host.copy(trees.two).get("failed")
    assert (host.root(), host.names()) == (trees.roots[1], ["dest"])


def test_a_byte_is_flipped_on_the_way(host: DeltaHost, trees: Trees) -> None:
    """Once: all of the content follows. Always: the old content stays."""
    source = random.Random(SEED)

    def flipped(data: bytes) -> bytes:
        place = source.randrange(len(data))
        return data[:place] + bytes([data[place] ^ 0x20]) + data[place + 1 :]

    host.on_the_way = flipped
    for dummy in range(2):
        check_old(host, trees, host.copy(trees.two), "delta: wanted an undamaged delta")
        assert host.names() == ["dest"]
    assert len(host.told) == 2
    times = iter([True])
    host.on_the_way = lambda data: flipped(data) if next(times, False) else data
    result = host.copy(trees.two)
    assert not result.get("failed")
    assert len(host.told) == 3
    assert (host.root(), host.names()) == (trees.roots[1], ["dest"])


def test_a_delta_cut_short_on_the_way(host: DeltaHost, trees: Trees) -> None:
    host.on_the_way = lambda data: data[: len(data) // 2]
    check_old(host, trees, host.copy(trees.two), "the delta: wanted a piece of")
    host.on_the_way = lambda data: data
    check_healed(host, trees)


def test_a_delta_from_another_root(host: DeltaHost, trees: Trees, tmp_path: Path) -> None:
    other = make_tree(tmp_path / "other", 3)

    def from_another(data: bytes) -> bytes:
        (tmp_path / "delta").write_bytes(data)
        with open(tmp_path / "delta", "rb") as stream:
            header, plan, dummy = read_delta(stream)
        with open(tmp_path / "forged", "wb") as stream:
            write_delta(stream, header._replace(old=read_manifest(str(other)).root), plan, [], preset=0)
        return (tmp_path / "forged").read_bytes()

    host.on_the_way, host.forging = from_another, True
    check_old(host, trees, host.copy(trees.two), "which the delta starts from")
    host.on_the_way, host.forging = lambda data: data, False
    check_healed(host, trees)


@pytest.mark.parametrize(
    "change",
    [
        ["../escaped", "file", False, 0, "", None],
        ["out", "link", False, 0, "../../victim", None],
        ["link/escaped", "file", False, 0, "", None],
    ],
    ids=["traversal", "link out", "through a link"],
)
def test_a_hostile_delta(host: DeltaHost, trees: Trees, tmp_path: Path, change: list[t.Any]) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"safe")

    def hostile(data: bytes) -> bytes:
        header = Header(trees.roots[0], trees.roots[1], True, read_manifest(str(host.dest)).size)
        with open(tmp_path / "forged", "wb") as stream:
            write_delta(stream, header, Plan([], [change]), [], preset=0)
        return (tmp_path / "forged").read_bytes()

    host.on_the_way, host.forging = hostile, True
    check_old(host, trees, host.copy(trees.two), "wanted files, directories and links inside the tree")
    assert (victim.read_bytes(), host.names()) == (b"safe", ["dest"])
    assert not list(tmp_path.rglob("escaped"))


def test_killed_at_any_moment(host: DeltaHost, trees: Trees, say: Say) -> None:
    """The host's half gets SIGKILL; the tree is always one of the two."""
    roots, sources = trees.roots, (trees.one, trees.two)
    began = time.monotonic()
    assert host.start_take(trees.two).wait(120) == 0
    seconds = time.monotonic() - began
    source, hits = random.Random(SEED), {"old": 0, "new": 0, "in the room": 0}
    for number in range(KILLS):
        target = 0 if host.root() == roots[1] else 1
        process = host.start_take(sources[target])
        room = host.dest.parent / ".dest.gofleet"
        if number % 2:
            # By turns at any moment, and while the new tree is made and put into its place.
            while process.poll() is None and not room.exists():
                time.sleep(0.0005)
            time.sleep(source.uniform(0, 0.06) if number > 1 else 0)
        else:
            time.sleep(source.uniform(0, seconds))
        process.kill()
        process.communicate(timeout=120)
        hits["in the room"] += room.exists()
        found = host.root()
        assert found in roots
        hits["new" if found == roots[target] else "old"] += 1
        result = host.copy(sources[target])
        assert not result.get("failed"), result
        assert (host.root(), host.names()) == (roots[target], ["dest"])
    say(f"delta_copy: {KILLS} kills, seed {SEED}: {hits}")
    assert hits["old"] and hits["in the room"], "no kill hit the work"


@pytest.fixture
def small_disk(tmp_path: Path) -> t.Iterator[Path]:
    """A file system of 512 KiB."""
    place = tmp_path / "host"
    place.mkdir()
    with small_file_system(place, "size=512k"):
        yield place


def test_a_full_disk(small_disk: Path, trees: Trees, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is room for one tree of 0.3 MB and not for a second one beside it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    host = DeltaHost(tmp_path)
    assert not host.copy(trees.one).get("failed")
    check_old(host, trees, host.copy(trees.two), "No space left on device")
    assert host.names() == ["dest"]
    assert run_as_root("mount", "-o", "remount,size=2m", small_disk).returncode == 0
    check_healed(host, trees)


def test_a_disk_that_fills_while_pieces_come(
    small_disk: Path, trees: Trees, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What had arrived is gone on with when there is room."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("_FIRST", "_LEAST", "_MOST"):
        monkeypatch.setattr(pacing, name, 100_000)
    host = DeltaHost(tmp_path)
    (small_disk / "ballast").write_bytes(bytes(380_000))
    refused = host.copy(trees.one)
    assert refused["failed"] and "No space left on device" in refused["msg"]
    assert host.names() == [".dest.gofleet", "ballast"]
    (small_disk / "ballast").unlink()
    assert run_as_root("mount", "-o", "remount,size=2m", small_disk).returncode == 0
    result = host.copy(trees.one)
    assert result["bytes_resumed"] >= 100_000
    assert (host.root(), host.names()) == (trees.roots[0], ["dest"])


def test_the_line_is_cut_and_the_next_run_goes_on(
    host: DeltaHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_FIRST", "_LEAST", "_MOST"):
        monkeypatch.setattr(pacing, name, 100_000)
    other = tmp_path / "other"
    (other / "bin").mkdir(parents=True)
    (other / "bin" / "p0").write_bytes(random.Random(SEED).randbytes(300_000))
    host.cut_after = 2
    with pytest.raises(Cut):
        host.copy(other)
    assert read_manifest(str(host.dest)).by_path()["seed"]
    predicted = host.copy(other, check=True)["bytes_predicted"]
    host.cut_after = None
    result = host.copy(other)
    assert result["bytes_resumed"] == 2 * 100_000
    assert result["bytes_sent"] == predicted
    assert 300_000 < result["bytes_sent"] + result["bytes_resumed"] < 302_000
    assert (host.root(), host.names()) == (read_manifest(str(other)).root, ["dest"])


def test_a_cut_and_then_another_source(
    host: DeltaHost, trees: Trees, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "_FIRST", 200)
    monkeypatch.setattr(pacing, "_LEAST", 200)
    host.cut_after = 1
    with pytest.raises(Cut):
        host.copy(trees.two)
    host.cut_after = None
    (trees.two / "seed").write_bytes(b"another")
    result = host.copy(trees.two)
    assert (result.get("failed"), result["bytes_resumed"]) == (None, 0)
    assert (host.root(), host.names()) == (read_manifest(str(trees.two)).root, ["dest"])


@pytest.mark.parametrize(
    "lay",
    [
        lambda room, victim: room.symlink_to(victim),
        lambda room, victim: (room.mkdir(mode=0o777), room.chmod(0o777), (room / "new").symlink_to(victim)),
        lambda room, victim: (
            room.mkdir(0o700),
            (room / "new").symlink_to(victim),
            run_as_root("chown", "4711", room),
        ),
    ],
    ids=["link", "open to others", "of another user"],
)
def test_a_trap_where_the_new_content_is_made(
    host: DeltaHost, trees: Trees, tmp_path: Path, lay: t.Any
) -> None:
    victim = make_tree(tmp_path / "victim", 4)
    root = read_manifest(str(victim)).root
    room = host.dest.parent / ".dest.gofleet"
    lay(room, victim)
    try:
        check_old(host, trees, host.copy(trees.two), "a directory of our own, or nothing by this name")
    finally:
        run_as_root("rm", "-rf", room)  # which a user cannot remove who is not root
    assert read_manifest(str(victim)).root == root


@pytest.mark.parametrize("name", ["new", "part-"])
def test_links_in_what_a_killed_run_left(host: DeltaHost, trees: Trees, tmp_path: Path, name: str) -> None:
    """They can only be there by root's own hand, and are removed and not followed all the same."""
    victim = make_tree(tmp_path / "victim", 4)
    root = read_manifest(str(victim)).root
    room = host.dest.parent / ".dest.gofleet"
    room.mkdir(0o700)
    (room / name).symlink_to(victim)
    host.copy(trees.two)
    assert read_manifest(str(victim)).root == root


def test_a_link_put_in_the_place_of_the_tree(host: DeltaHost, trees: Trees, tmp_path: Path) -> None:
    victim = make_tree(tmp_path / "victim", 4)
    root = read_manifest(str(victim)).root

    def swap() -> None:
        if not host.dest.is_symlink():
            host.dest.rename(tmp_path / "aside")
            host.dest.symlink_to(victim)

    host.before_take = swap
    result = host.copy(trees.two, owner="4711" if os.geteuid() == 0 else None)
    assert result["failed"] and "found a link" in result["msg"]
    assert read_manifest(str(victim)).root == root
    assert {it.lstat().st_uid for it in victim.rglob("*")} == {os.geteuid()}


def test_a_link_in_the_tree_that_leads_out(host: DeltaHost, trees: Trees, tmp_path: Path) -> None:
    """On the controller it is refused; on the host it is content that goes, and what it leads to stays."""
    victim = make_tree(tmp_path / "victim", 4)
    (trees.two / "out").symlink_to(victim)
    result = host.copy(trees.two)
    check_old(host, trees, result, "links that lead inside the tree")
    (trees.two / "out").unlink()
    (host.dest / "out").symlink_to(victim)
    root = read_manifest(str(victim)).root
    check_healed(host, trees)
    assert read_manifest(str(victim)).root == root


def test_two_runs_at_once(host: DeltaHost, trees: Trees, tmp_path: Path) -> None:
    other = DeltaHost(tmp_path)
    (tmp_path / "line2").mkdir()
    other._connection._shell.tmpdir = str(tmp_path / "line2")
    ready = threading.Barrier(2)
    results: list[dict[str, t.Any]] = []
    for one in (host, other):
        one.before_take = lambda: ready.wait(60)
    threads = [
        threading.Thread(target=lambda one=one: results.append(one.copy(trees.two))) for one in (host, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.get("failed") for result in results] == [None, None]
    assert (host.root(), host.names()) == (trees.roots[1], ["dest"])
    assert not host.copy(trees.two)["changed"]


def test_a_device_in_the_source_and_a_pipe_on_the_host(host: DeltaHost, trees: Trees) -> None:
    os.mkfifo(trees.two / "pipe")
    check_old(host, trees, host.copy(trees.two), "a device, a pipe or a socket")
    (trees.two / "pipe").unlink()
    os.mkfifo(host.dest / "pipe")
    refused = host.copy(trees.two)
    assert refused["failed"] and "dest/pipe" in refused["msg"]
    (host.dest / "pipe").unlink()
    check_healed(host, trees)
