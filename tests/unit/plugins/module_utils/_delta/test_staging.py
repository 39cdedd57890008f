# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.staging import (
    Piece,
    peek,
    staging_directory,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".site.gofleet"


def piece(tmp_path: Path, data: bytes, *, offset: int, size: int, sha256: str = "ab") -> Piece:
    (tmp_path / "piece").write_bytes(data)
    return Piece(str(tmp_path / "piece"), offset, len(data), size, sha256)


def test_it_is_private_and_goes(path: Path) -> None:
    with staging_directory(str(path), wait_seconds=0) as staging:
        assert path.stat().st_mode & 0o7777 == 0o700
        new = Path(staging.new("site"))
        new.write_bytes(b"new")
        assert (path / "new" / "site").read_bytes() == b"new"
        assert peek(str(path)) == {}
    assert not path.exists()
    assert peek(str(path)) is None


def test_pieces_come_one_by_one_and_stay_when_the_line_is_cut(path: Path, tmp_path: Path) -> None:
    with staging_directory(str(path), wait_seconds=0) as staging:
        assert staging.append(piece(tmp_path, b"one", offset=0, size=9)) is None
    assert peek(str(path)) == {"ab": 3}
    with staging_directory(str(path), wait_seconds=0) as staging:
        assert staging.append(piece(tmp_path, b"two", offset=3, size=9)) is None
        assert staging.received() == {"ab": 6}
        delta = staging.append(piece(tmp_path, b"six", offset=6, size=9))
        assert Path(str(delta)).read_bytes() == b"onetwosix"
        # All of it was here, and the run that should have used it was killed.
        assert staging.append(piece(tmp_path, b"", offset=9, size=9)) == delta
        staging.forget()
    assert not path.exists()


def test_a_delta_in_one_piece_is_used_where_it_is(path: Path, tmp_path: Path) -> None:
    with staging_directory(str(path), wait_seconds=0) as staging:
        assert staging.append(piece(tmp_path, b"old", offset=0, size=9, sha256="cd")) is None
        assert staging.append(piece(tmp_path, b"delta", offset=0, size=5)) == str(tmp_path / "piece")
        assert staging.received() == {}


@pytest.mark.parametrize(("offset", "sha256"), [(2, "ab"), (4, "ab"), (3, "cd")])
def test_a_piece_of_something_else(path: Path, tmp_path: Path, offset: int, sha256: str) -> None:
    with staging_directory(str(path), wait_seconds=0) as staging:
        staging.append(piece(tmp_path, b"one", offset=0, size=9))
        with pytest.raises(HostError, match=f"found the piece from byte {offset} on"):
            staging.append(piece(tmp_path, b"two", offset=offset, size=9, sha256=sha256))
    assert peek(str(path)) == {"ab": 3}


@pytest.mark.parametrize("offset", [0, 3])
def test_a_piece_that_did_not_arrive_whole(path: Path, tmp_path: Path, offset: int) -> None:
    with staging_directory(str(path), wait_seconds=0) as staging:
        staging.append(piece(tmp_path, b"one", offset=0, size=9))
        short = piece(tmp_path, b"tw", offset=offset, size=9)._replace(length=3)
        with pytest.raises(HostError, match="wanted a piece of 3 bytes; found 2 bytes"):
            staging.append(short)
    assert peek(str(path)) == {"ab": 3}


def test_what_a_killed_run_left_is_cleared(path: Path, tmp_path: Path) -> None:
    (path / "new" / "site" / "a").mkdir(parents=True)
    path.chmod(0o700)
    (path / "part-ab").write_bytes(b"part")
    with staging_directory(str(path), wait_seconds=0) as staging:
        assert os.listdir(Path(staging.new("site")).parent) == []
        staging.clear()
    assert not path.exists()


def test_what_cannot_be_removed_is_there_for_the_next_run(path: Path) -> None:
    with staging_directory(str(path), wait_seconds=0):
        (path / "stray").write_bytes(b"")
    assert peek(str(path)) == {}


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.symlink_to("/tmp"),
        lambda path: path.symlink_to("/nowhere"),
        lambda path: path.write_bytes(b""),
        lambda path: (path.mkdir(), path.chmod(0o755)),
        lambda path: (path.mkdir(0o700), os.chown(path, 12345, -1)),
        os.mkfifo,
    ],
    ids=["link", "broken link", "file", "open to others", "of another user", "pipe"],
)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another user")
def test_what_somebody_else_put_there_is_refused(path: Path, make: object) -> None:
    make(path)  # type: ignore[operator]
    status = path.lstat()
    with pytest.raises(HostError, match="a directory of our own"), staging_directory(
        str(path), wait_seconds=0
    ):
        pass
    assert peek(str(path)) is None
    assert path.lstat().st_mode == status.st_mode


def test_one_run_at_a_time(path: Path) -> None:
    with staging_directory(str(path), wait_seconds=0):
        other = staging_directory(str(path), wait_seconds=0.3)
        with pytest.raises(HostError, match="within 0.3 seconds; found another run at work"), other:
            pass
        assert path.is_dir()


def test_many_runs_wait_for_each_other(path: Path) -> None:
    """Each removes the staging at its end, while others wait for it."""
    inside: list[int] = []
    most: list[int] = []

    def run(number: int) -> None:
        with staging_directory(str(path), wait_seconds=60) as staging:
            inside.append(number)
            most.append(len(inside))
            Path(staging.new("x")).write_bytes(b"")
            time.sleep(0.01)
            inside.remove(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8
    assert not path.exists()


def test_another_directory_put_in_its_place(path: Path, tmp_path: Path) -> None:
    """Whoever may write around it can move the staging away, and gains nothing by it."""
    victim = tmp_path / "victim"
    victim.mkdir()
    with staging_directory(str(path), wait_seconds=0) as staging:
        path.rename(tmp_path / "moved")
        path.symlink_to(victim)
        Path(staging.new("site")).write_bytes(b"new")
        assert os.listdir(victim) == []
    assert path.is_symlink()
