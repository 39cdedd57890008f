# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which go a shell runs, links, the record, and a Go that was installed by hand: on directories of a test."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._atomic import exchange
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.adopt import (
    find_adoption,
    link_into,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.links import (
    links_of,
    make_links,
    read_links,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.record import (
    Record,
    read_record,
    remove_record,
    write_record,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.shell import find_go
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed, Runner


def go_tree(path: Path, version: str = "1.22.1") -> Path:
    (path / "bin").mkdir(parents=True)
    (path / "VERSION").write_text(f"go{version}\ntime x\n")
    (path / "bin" / "go").write_text("#!/bin/sh\n")
    (path / "bin" / "go").chmod(0o755)
    return path


def login(*directories: Path, rc: int = 0) -> Runner:
    def run(argv: list[str], *, stdin: object = None, env: object = None) -> Completed:
        path = ":".join(map(str, directories))
        return Completed(rc, f"welcome\n\ngofleet-path\n{path}\n" if not rc else "", "slow")

    return run


def test_ours_comes_first_or_is_hidden(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "bin", go_tree(tmp_path / "theirs") / "bin"
    shell = find_go(login(ours, theirs), link=str(ours / "go"), version="1.27.3")
    assert (shell.go, shell.version, shell.hides_link) == (str(ours / "go"), "1.27.3", False)
    assert {"path": str(theirs / "go"), "version": "1.22.1"} in shell.others
    assert shell.warnings("x") == []
    hidden = find_go(login(theirs, ours), link=str(ours / "go"), version="1.27.3")
    assert (hidden.go, hidden.version, hidden.hides_link) == (str(theirs / "go"), "1.22.1", True)
    assert f"A login shell runs {theirs / 'go'} and not x" in hidden.warnings("x")[0]


def test_a_tree_that_was_taken_over_is_ours_too(tmp_path: Path) -> None:
    hand, store = adopting(tmp_path)
    find_adoption(str(hand), store=str(store)).take_over()
    ours = tmp_path / "bin"
    for trees in ([str(store)], [str(hand)]):
        shell = find_go(login(hand / "bin", ours), link=str(ours / "go"), version="1.27.3", trees=trees)
        assert (shell.go, shell.version, shell.hides_link) == (str(hand / "bin" / "go"), "1.27.3", False)


def test_a_path_without_our_directory(tmp_path: Path) -> None:
    theirs = go_tree(tmp_path / "theirs") / "bin"
    shell = find_go(login(theirs), link=str(tmp_path / "go"), version="1.27.3")
    assert (shell.go, shell.hides_link) == (str(theirs / "go"), False)


def test_a_profile_that_hangs(tmp_path: Path) -> None:
    shell = find_go(login(rc=124), link="/usr/local/bin/go", version="1.27.3")
    assert shell.go == "/usr/local/bin/go"
    assert "a login shell ended with 124" in str(shell.reason)


def test_a_program_without_a_version(tmp_path: Path) -> None:
    tree = go_tree(tmp_path / "theirs")
    (tree / "VERSION").unlink()
    assert find_go(login(tree / "bin"), link="/x/go", version=None).report()["version"] is None


def test_links(tmp_path: Path) -> None:
    store, bin_dir = str(tmp_path / "store"), str(tmp_path / "bin")
    assert set(read_links(store, bin_dir).values()) == {None}
    make_links(store, bin_dir)
    assert read_links(store, bin_dir) == links_of(store, bin_dir)
    os.unlink(f"{bin_dir}/go")
    os.symlink("/usr/local/go/bin/go", f"{bin_dir}/go")
    with pytest.raises(HostError, match="`adopt` takes both over"):
        make_links(store, bin_dir)
    assert read_links(store, bin_dir, foreign_allowed=True)[f"{bin_dir}/go"] is None
    make_links(store, bin_dir, adopted="/usr/local/go")
    assert read_links(store, bin_dir) == links_of(store, bin_dir)


def test_record(tmp_path: Path) -> None:
    store = str(tmp_path)
    assert read_record(store) == Record({}, [])
    write_record(store, Record({"stable": "1.27.3"}, ["/usr/local/go"]))
    assert read_record(store) == Record({"stable": "1.27.3"}, ["/usr/local/go"])
    (tmp_path / "..gofleet-go.json.killed").touch()
    write_record(store, Record({"stable": "1.27.4"}, []))
    assert os.listdir(tmp_path) == [".gofleet-go.json"]
    remove_record(store)
    remove_record(store)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"pins": 1}',
        '{"pins": {"stable": 3, "../x": "1.27.3", "1.27": "../x"}, "adopted": ["go", 7]}',
    ],
)
def test_a_damaged_record_is_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / ".gofleet-go.json").write_text(text)
    assert read_record(str(tmp_path)) == Record({}, [])


def adopting(tmp_path: Path) -> tuple[Path, Path]:
    """A tree by hand, and the same release in a store, in use."""
    hand, store = go_tree(tmp_path / "local" / "go"), tmp_path / "store"
    shutil.copytree(hand, store / "1.22.1")
    (store / "1.22.1" / ".gofleet.json").write_text("{}")
    (store / "current").symlink_to("1.22.1")
    return hand, store


def test_an_equal_tree_becomes_a_link(tmp_path: Path) -> None:
    hand, store = adopting(tmp_path)
    adoption = find_adoption(str(hand), store=str(store))
    assert (adoption.version, adoption.shown) == ("1.22.1", "Go 1.22.1, installed by hand")
    adoption.require_same()
    adoption.take_over()
    assert link_into(str(store), str(hand)) == str(store / "current")
    assert os.listdir(hand.parent) == ["go"]
    assert (hand / "bin" / "go").exists()
    again = find_adoption(str(hand), store=str(store))
    assert (again.version, again.shown, again.shown_after) == (
        None,
        str(store / "current"),
        str(store / "current"),
    )


def test_a_tree_that_differs_is_refused(tmp_path: Path) -> None:
    hand, store = adopting(tmp_path)
    (hand / "go.env").write_text("GOPROXY=off\n")
    (hand / "bin" / "go").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(HostError, match="a tree that differs from it: bin/go, go.env"):
        find_adoption(str(hand), store=str(store)).require_same()
    assert (hand / "go.env").exists()


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    hand, store = adopting(tmp_path)
    find_adoption(str(hand), store=str(store)).take_over()
    go_tree(hand.parent / ".go.gofleet-adopted")
    adoption = find_adoption(str(hand), store=str(store))
    assert adoption.leftover
    adoption.take_over()
    assert os.listdir(hand.parent) == ["go"]


def test_nothing_to_take_over(tmp_path: Path) -> None:
    adoption = find_adoption(str(tmp_path / "go"), store=str(tmp_path / "store"))
    adoption.require_same()
    adoption.take_over()
    assert (adoption.shown, os.listdir(tmp_path)) == (None, [])


def test_other_things_are_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    (tmp_path / "file").touch()
    go_tree(tmp_path / "go")
    for name, found in (("empty", "no complete"), ("link", "a link to empty"), ("file", "no complete")):
        with pytest.raises(HostError, match=found):
            find_adoption(str(tmp_path / name), store=str(tmp_path / "store"))
    with pytest.raises(HostError, match="the directory of releases"):
        find_adoption(str(tmp_path / "go"), store=str(tmp_path / "go" / "releases"))


def test_two_names_exchange_their_content(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to("nowhere")
    exchange(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "a").is_symlink()
    assert (tmp_path / "b").is_dir()
    with pytest.raises(FileNotFoundError):
        exchange(str(tmp_path / "a"), str(tmp_path / "none"))
