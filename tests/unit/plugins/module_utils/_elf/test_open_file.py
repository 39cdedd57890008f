# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import os
import pathlib
import socket

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.file import FormatError
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.open_file import opened, sha256_of


def test_reads_pieces(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    before = len(os.listdir("/proc/self/fd"))
    with opened(str(path)) as file:
        assert file.read(2, 3) == b"234"
        assert file.read(8, 100) == b"89"
        assert [file.read(offset, 1) for offset in (10, 1 << 64, -1)] == [b"", b"", b""]
        assert file.status.st_size == 10
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("size", [0, 10, (1 << 20) + 1])
def test_checksum(tmp_path: pathlib.Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    with opened(str(path)) as file:
        assert sha256_of(file, at_most=1 << 21) == hashlib.sha256(b"x" * size).hexdigest()
        assert sha256_of(file, at_most=size - 1) is None


def test_other_kinds_of_files_are_refused_without_blocking(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, pathlib.Path("/dev/null"), pathlib.Path("/dev/zero")):
        with pytest.raises(FormatError, match="not a regular file"), opened(str(path)):
            pass
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        with pytest.raises(OSError, match="No such device"), opened(str(tmp_path / "socket")):
            pass
