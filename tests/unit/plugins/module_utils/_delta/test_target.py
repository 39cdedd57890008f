# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ctypes
import errno
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.target import Target
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError

MOUNTS = "22 1 0:1 / {point} rw - tmpfs tmpfs rw\n"


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ("relative", "an absolute path"),
        ("/", "an absolute path"),
        ("/srv/../etc/passwd", "an absolute path"),
        ("/srv/", "an absolute path"),
        ("/no/such/directory/x", "/no/such/directory: wanted a directory to put it in"),
        ("/etc/passwd/x", "/etc/passwd: wanted a directory to put it in"),
    ],
)
def test_no_place(path: str, match: str) -> None:
    with pytest.raises(HostError, match=match):
        Target(path)


@pytest.mark.parametrize(
    ("make", "is_tree", "found"),
    [
        (lambda path: None, True, None),
        (lambda path: None, False, None),
        (lambda path: path.mkdir(), True, None),
        (lambda path: path.write_bytes(b""), False, None),
        (lambda path: path.mkdir(), False, "wanted a file; found a directory"),
        (lambda path: path.write_bytes(b""), True, "wanted a directory; found a file"),
        (lambda path: path.symlink_to("/etc"), True, "wanted a directory; found a link"),
        (lambda path: path.symlink_to("/nowhere"), False, "wanted a file; found a link"),
        (os.mkfifo, False, "found a device, a pipe or a socket"),
    ],
)
def test_the_kind(tmp_path: Path, make: t.Callable[[Path], object], is_tree: bool, found: str | None) -> None:
    place = Target(str(tmp_path / "x"))
    make(tmp_path / "x")
    if found is None:
        place.require_kind(is_tree=is_tree)
        return
    with pytest.raises(HostError, match=found):
        place.require_kind(is_tree=is_tree)


@pytest.mark.parametrize(
    ("point", "refused"),
    [("x", True), ("x/data", True), ("x/a\\040b", True), ("xy", False), (".", False), ("other/x", False)],
)
def test_what_is_mounted(tmp_path: Path, point: str, refused: bool) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(point=tmp_path / "real" / point), encoding="utf-8")
    place = Target(str(tmp_path / "link" / "x"))
    if not refused:
        place.require_unmounted(mounts=str(mounts))
        return
    with pytest.raises(HostError, match="no file system mounted on it or in it; found one at"):
        place.require_unmounted(mounts=str(mounts))


def test_mounts_of_this_machine(tmp_path: Path) -> None:
    Target(str(tmp_path / "x")).require_unmounted()
    with pytest.raises(HostError, match="found one at /proc"):
        Target("/proc").require_unmounted()


def test_a_directory_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Target(str(tmp_path / "x"))
    place.require_writable()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(HostError, match="permission to write to it; found none"):
        place.require_writable()


def test_a_file_takes_its_place(tmp_path: Path) -> None:
    place = Target(str(tmp_path / "x"))
    for content in (b"one", b"two"):
        with place.staging() as staging:
            new = Path(staging.new("x"))
            new.write_bytes(content)
            assert Path(place.path_of_new).read_bytes() == content
            place.commit(str(new))
        assert (tmp_path / "x").read_bytes() == content
    assert os.listdir(tmp_path) == ["x"]


def test_trees_are_exchanged(tmp_path: Path) -> None:
    place = Target(str(tmp_path / "x"))
    for name in ("one", "two"):
        with place.staging() as staging:
            new = Path(staging.new("x"))
            new.mkdir()
            (new / name).write_bytes(b"")
            place.commit(str(new))
            assert new.exists() == (name == "two")
        assert os.listdir(tmp_path / "x") == [name]
    assert os.listdir(tmp_path) == ["x"]


def test_a_link_that_came_in_between_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    place = Target(str(tmp_path / "x"))
    with place.staging() as staging:
        new = Path(staging.new("x"))
        new.mkdir()
        (tmp_path / "x").symlink_to("victim")
        place.commit(str(new))
    assert (tmp_path / "x").is_dir() and not (tmp_path / "x").is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["victim", "x"]


class Library:
    """A C library with the exchange that is told."""

    def __init__(self, number: int | None) -> None:
        if number is not None:
            self.renameat2 = lambda *arguments: ctypes.set_errno(number) or -1
        self.syncfs = lambda descriptor: 0


@pytest.mark.parametrize(
    ("number", "error", "match"),
    [
        (None, HostError, "renameat2"),
        (errno.EINVAL, HostError, "renameat2"),
        (errno.EXDEV, HostError, "renameat2"),
        (errno.EACCES, OSError, "Permission denied"),
    ],
)
def test_no_exchange_leaves_the_old_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int | None, error: type[Exception], match: str
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *arguments, **options: Library(number))
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "old").write_bytes(b"")
    place = Target(str(tmp_path / "x"))
    with pytest.raises(error, match=match), place.staging() as staging:
        new = Path(staging.new("x"))
        new.mkdir()
        place.commit(str(new))
    assert os.listdir(tmp_path / "x") == ["old"]
    assert os.listdir(tmp_path) == ["x"]


def test_what_is_left_and_received(tmp_path: Path) -> None:
    place = Target(str(tmp_path / "x"))
    assert (place.left(), place.received()) == ([], {})
    staging = tmp_path / ".x.gofleet"
    staging.mkdir(0o700)
    (staging / "part-ab").write_bytes(b"123")
    assert (place.left(), place.received()) == ([str(staging)], {"ab": 3})
    staging.chmod(0o777)
    assert (place.left(), place.received()) == ([], {})
