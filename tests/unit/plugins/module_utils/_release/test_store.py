# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._release.store import (
    MARKER,
    Marker,
    Store,
    surplus,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def install(store: Store, *versions: str) -> None:
    for version in versions:
        with store.lock(1), store.stage(version) as staging:
            Path(staging, "program").write_text(version, encoding="utf-8")
            store.commit(staging, version, Marker(version, "ab" * 32, 3))


def names(store: Store) -> set[str]:
    return set(os.listdir(store.path))


def test_a_store_that_does_not_exist_is_empty(store: Store) -> None:
    assert store.versions() == {}
    assert store.current() is None
    assert store.previous() is None
    assert not store.rolled_back()


def test_a_committed_release_is_complete_and_nothing_else_is_left(store: Store) -> None:
    install(store, "1.0")
    assert store.marker("1.0") == Marker("1.0", "ab" * 32, 3)
    assert names(store) == {".lock", "1.0"}
    assert os.stat(os.path.join(store.path, "1.0")).st_mode & 0o777 == 0o755


def test_versions_come_newest_first_and_by_time_not_by_name(store: Store) -> None:
    install(store, "2.0", "1.0", "3.0")
    for age, version in enumerate(["1.0", "3.0", "2.0"]):
        os.utime(os.path.join(store.path, version, MARKER), (1000 - age, 1000 - age))
    assert list(store.versions()) == ["1.0", "3.0", "2.0"]


def test_an_exception_removes_what_was_staged(store: Store) -> None:
    with pytest.raises(KeyError), store.lock(1), store.stage("1.0") as staging:
        Path(staging, "half").write_text("", encoding="utf-8")
        raise KeyError
    assert names(store) == {".lock"}


def test_a_switch_keeps_the_old_one_as_previous(store: Store) -> None:
    install(store, "1.0", "2.0")
    store.switch("1.0")
    assert (store.current(), store.previous()) == ("1.0", None)
    store.switch("2.0")
    store.switch("2.0")
    assert (store.current(), store.previous()) == ("2.0", "1.0")
    assert os.readlink(os.path.join(store.path, "current")) == "2.0"


def test_a_second_roll_back_does_nothing_and_a_switch_ends_it(store: Store) -> None:
    install(store, "1.0", "2.0")
    store.switch("1.0")
    store.switch("2.0")
    for dummy in range(2):
        store.roll_back()
        assert (store.current(), store.previous(), store.rolled_back()) == ("1.0", "2.0", True)
    store.switch("2.0")
    assert (store.current(), store.previous(), store.rolled_back()) == ("2.0", "1.0", False)


def test_roll_back_without_a_previous_version_says_so(store: Store) -> None:
    install(store, "1.0")
    store.switch("1.0")
    with pytest.raises(HostError, match="only 1.0 has been in use"):
        store.roll_back()


def make_empty(tree: Path) -> None:
    tree.mkdir()


def make_file(tree: Path) -> None:
    tree.write_text("", encoding="utf-8")


def make_link_to_complete_tree(tree: Path) -> None:
    other = tree.parent.parent / "elsewhere"
    other.mkdir()
    (other / MARKER).write_text(json.dumps({"version": "1.0", "sha256": "", "size": 1}), encoding="utf-8")
    tree.symlink_to(other)


def make_marker_link(tree: Path) -> None:
    tree.mkdir()
    outside = tree.parent.parent / "marker"
    outside.write_text(json.dumps({"version": "1.0", "sha256": "", "size": 1}), encoding="utf-8")
    (tree / MARKER).symlink_to(outside)


def make_marker_fifo(tree: Path) -> None:
    tree.mkdir()
    os.mkfifo(tree / MARKER)


def make_marker_of_another_version(tree: Path) -> None:
    tree.mkdir()
    (tree / MARKER).write_text(json.dumps({"version": "9", "sha256": "", "size": 1}), encoding="utf-8")


def make_marker_garbage(tree: Path) -> None:
    tree.mkdir()
    (tree / MARKER).write_text("{", encoding="utf-8")


HALVES = [
    make_empty,
    make_file,
    make_link_to_complete_tree,
    make_marker_link,
    make_marker_fifo,
    make_marker_of_another_version,
    make_marker_garbage,
]


@pytest.mark.parametrize("make", HALVES, ids=lambda make: make.__name__)
def test_half_a_tree_is_never_used_and_is_replaced(store: Store, make: object, tmp_path: Path) -> None:
    install(store, "0.9")
    make(Path(store.path, "1.0"))  # type: ignore[operator]
    os.symlink("1.0", os.path.join(store.path, "current"))
    assert store.marker("1.0") is None
    assert store.current() is None
    assert list(store.versions()) == ["0.9"]
    with pytest.raises(HostError, match="an incomplete tree"):
        store.switch("1.0")
    install(store, "1.0")
    assert Path(store.path, "1.0", "program").read_text(encoding="utf-8") == "1.0"
    assert not Path(store.path, "1.0").is_symlink()
    assert store.current() == "1.0"
    assert names(store) == {".lock", "0.9", "1.0", "current"}
    assert not (tmp_path / "elsewhere").exists() or (tmp_path / "elsewhere" / MARKER).exists()


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".x", "a/b", "/a", "current", "previous", "a\n", "-x", "x" * 129]
)
def test_names_that_are_not_versions_are_refused(store: Store, name: str) -> None:
    with store.lock(1), pytest.raises(HostError, match="plain name"), store.stage(name):
        pass


def test_links_that_lead_out_of_the_store_are_no_version(store: Store) -> None:
    install(store, "1.0")
    os.symlink("../store/1.0", os.path.join(store.path, "current"))
    assert store.current() is None


def test_something_else_by_the_name_of_a_link_is_reported(store: Store) -> None:
    install(store, "1.0")
    os.mkdir(os.path.join(store.path, "current"))
    with pytest.raises(HostError, match="wanted a link to a version"):
        store.switch("1.0")


def test_leftovers_of_killed_runs_go_under_the_lock(store: Store) -> None:
    install(store, "1.0")
    for name in (".staging-2.0-x", ".removed-0.1-x"):
        os.mkdir(os.path.join(store.path, name))
    os.symlink("1.0", os.path.join(store.path, ".current.abc"))
    os.mkdir(os.path.join(store.path, ".of-somebody-else"))
    with store.lock(1):
        assert names(store) == {".lock", "1.0", ".of-somebody-else"}


@pytest.mark.parametrize(
    ("keep", "protect", "removed"),
    [
        (5, [], []),
        (2, [], ["b", "a"]),
        (2, ["a"], ["c", "b"]),
        (1, ["a", "b"], ["d", "c"]),
        (0, [], ["d", "c", "b", "a"]),
    ],
)
def test_surplus(keep: int, protect: list[str], removed: list[str]) -> None:
    assert surplus(["d", "c", "b", "a"], keep=keep, protect=protect) == removed


def test_prune_never_takes_current_previous_or_protected(store: Store) -> None:
    install(store, "1", "2", "3", "4", "5")
    for age, version in enumerate(["5", "4", "3", "2", "1"]):
        os.utime(os.path.join(store.path, version, MARKER), (1000 - age, 1000 - age))
    store.switch("1")
    store.switch("2")
    assert store.prune(1, {"3"}) == ["5", "4"]
    assert names(store) == {".lock", "1", "2", "3", "current", "previous"}


def test_a_release_in_use_is_not_removed(store: Store) -> None:
    install(store, "1")
    store.switch("1")
    with pytest.raises(HostError, match="Switch to another"):
        store.remove("1")


def test_clear_leaves_what_is_not_ours(store: Store) -> None:
    install(store, "1", "2")
    store.switch("1")
    store.switch("2")
    Path(store.path, "notes").write_text("", encoding="utf-8")
    with store.lock(1):
        store.clear()
    assert names(store) == {"notes"}


def test_clear_removes_the_store_itself(store: Store) -> None:
    install(store, "1")
    with store.lock(1):
        store.clear()
    assert not os.path.exists(store.path)


def test_a_complete_release_is_not_overwritten(store: Store) -> None:
    install(store, "1")
    with pytest.raises(HostError, match="a complete release"):
        install(store, "1")
