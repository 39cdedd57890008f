# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import socket

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary import scan
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary.scan import (
    Candidate,
    Tally,
    parse_mount_types,
    printable,
    walk,
)

MANY = 1000


def program(path: pathlib.Path, mode: int = 0o755) -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(64))
    path.chmod(mode)
    return path


def look(
    *paths: pathlib.Path | str, root: str = "/none", max_files: int = MANY, only_executable: bool = True
) -> tuple[list[Candidate], Tally]:
    tally = Tally()
    found = walk(
        [str(path) for path in paths],
        root=root,
        tally=tally,
        max_files=max_files,
        only_executable=only_executable,
    )
    return list(found), tally


def names(found: list[Candidate], top: pathlib.Path) -> list[str]:
    return sorted(os.path.relpath(one.path, top) for one in found)


def test_finds_executables_below_a_directory(tmp_path: pathlib.Path) -> None:
    for name in ("a", "sub/b", "sub/sub/c"):
        program(tmp_path / name)
    program(tmp_path / "text", 0o644)
    (tmp_path / "small").write_bytes(b"#!/bin/sh\n")
    (tmp_path / "small").chmod(0o755)
    found, tally = look(tmp_path)
    assert names(found, tmp_path) == ["a", "sub/b", "sub/sub/c"]
    assert (tally.report(), tally.entries) == ([], 7)
    assert not any(one.named for one in found)
    assert "text" in names(look(tmp_path, only_executable=False)[0], tmp_path)


def test_only_links_that_the_user_names_are_followed(tmp_path: pathlib.Path) -> None:
    outside = program(tmp_path / "outside/secret")
    inside = program(tmp_path / "top/inside")
    (tmp_path / "top/link").symlink_to(outside)
    (tmp_path / "top/directory").symlink_to(outside.parent)
    (tmp_path / "top/loop").symlink_to(".")
    assert names(look(tmp_path / "top")[0], tmp_path) == ["top/inside"]
    assert names(look(tmp_path / "top/directory")[0], tmp_path) == ["outside/secret"]
    ((found,), dummy) = look(tmp_path / "top/link")
    assert (found.path, found.named, found.given) == (str(outside), True, str(tmp_path / "top/link"))
    assert names(look(inside, tmp_path / "top")[0], tmp_path) == ["top/inside", "top/inside"]


def test_a_directory_is_searched_once(tmp_path: pathlib.Path) -> None:
    program(tmp_path / "sub/a")
    assert len(look(tmp_path, tmp_path / "sub", tmp_path)[0]) == 1


def test_other_kinds_of_files_are_passed_over(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o777)
    program(tmp_path / "a")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        found, tally = look(tmp_path)
    assert names(found, tmp_path) == ["a"]
    assert tally.report() == []
    found, tally = look(tmp_path / "pipe", "/dev/null", tmp_path / "none", tmp_path / "a/below")
    assert [one["reason"] for one in tally.report()] == [
        "neither a file nor a directory",
        "neither a file nor a directory",
        "No such file or directory",
        "Not a directory",
    ]
    assert found == []


def test_links_in_a_circle_are_reported(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    found, tally = look(tmp_path / "a")
    assert (found, len(tally.report())) == ([], 1)
    assert "symbolic links" in tally.report()[0]["reason"]


@pytest.mark.parametrize("max_files", [1, 5, 10])
def test_the_limit_and_where_the_walk_stopped(tmp_path: pathlib.Path, max_files: int) -> None:
    for number in range(20):
        program(tmp_path / f"sub{number % 3}" / f"a{number}")
    found, tally = look(tmp_path, tmp_path / "sub0", max_files=max_files)
    assert tally.entries == max_files
    assert len(found) < max_files
    assert f"max_files={max_files}" in tally.report()[0]["reason"]


def test_other_file_systems(tmp_path: pathlib.Path) -> None:
    for name in ("top/proc", "top/nfs share", "top/disk", "top"):
        program(tmp_path / name / "a")
    (tmp_path / "proc/self").mkdir(parents=True)
    share = str(tmp_path / "top/nfs share").replace(" ", "\\040")
    (tmp_path / "proc/self/mounts").write_text(
        f"/dev/sda / ext4 rw 0 0\nproc {tmp_path}/top/proc proc rw 0 0\nx {share} nfs4 rw 0 0\n"
        f"/dev/sdb {tmp_path}/top/disk ext4 rw 0 0\nbroken\n"
    )
    found, tally = look(tmp_path / "top", root=str(tmp_path))
    assert names(found, tmp_path / "top") == ["a", "disk/a"]
    reason = "a network file system (nfs4): name it in `paths` to search it"
    assert tally.report() == [{"path": str(tmp_path / "top/nfs share"), "reason": reason}]
    assert names(look(tmp_path / "top/nfs share", root=str(tmp_path))[0], tmp_path) == ["top/nfs share/a"]
    (tmp_path / "top/proc/sub").mkdir()
    found, tally = look(tmp_path / "top/proc/sub", root=str(tmp_path))
    assert (found, tally.report()[0]["reason"]) == ([], "a virtual file system of the kernel (proc)")


def test_proc_of_this_machine_is_not_entered() -> None:
    found, tally = look("/proc", "/sys/kernel", root="/")
    assert found == []
    assert [one["path"] for one in tally.report()] == ["/proc", "/sys/kernel"]


def test_an_unreadable_directory_is_reported(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "a")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    (tmp_path / "closed").mkdir()
    monkeypatch.setattr(scan.os, "scandir", refuse)
    found, tally = look(tmp_path)
    assert names(found, tmp_path) == ["a"]
    assert tally.report() == [{"path": str(tmp_path / "closed"), "reason": "Permission denied"}]


def test_names_that_are_not_utf_8(tmp_path: pathlib.Path) -> None:
    name = os.fsdecode(b"\xff\n")
    program(tmp_path / name)
    ((found,), dummy) = look(tmp_path)
    assert os.path.exists(found.path)
    assert printable(found.path) == f"{tmp_path}/\\xff\n"


def test_too_many_to_name_are_counted() -> None:
    tally = Tally()
    for number in range(1500):
        tally.skip(f"/{number}", "x")
    assert len(tally.report()) == 1001
    assert tally.report()[-1]["reason"].startswith("500 more")


def test_mount_types() -> None:
    assert parse_mount_types("a / ext4 rw\nb / overlay rw\nc /a\\040b nfs rw\nd") == {
        "/": "overlay",
        "/a b": "nfs",
    }
