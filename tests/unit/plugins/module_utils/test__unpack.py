# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gzip
import io
import os
import random
import tarfile
import typing as t
import zlib
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._unpack import (
    BrokenArchiveError,
    Inflated,
    PlainHeader,
    unpack,
)

Member = t.Tuple[str, t.Dict[str, t.Any], bytes]


def archive(*members: Member, format: int = tarfile.PAX_FORMAT) -> bytes:  # noqa: A002
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=format) as file:
        for name, fields, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for field, value in fields.items():
                setattr(info, field, value)
            file.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def opened(data: bytes, into: Path, *, top: str | None = None, limit: int = 1000) -> None:
    unpack(io.BytesIO(data), into=str(into), name="a.tar.gz", top=top, limit=limit)


def symlink(target: str) -> dict[str, t.Any]:
    return {"type": tarfile.SYMTYPE, "linkname": target}


def test_files_directories_and_links(tmp_path: Path) -> None:
    os.umask(0o077)
    data = archive(
        ("./bin/tool", {"mode": 0o777}, b"#!"),
        ("empty", {"type": tarfile.DIRTYPE, "mode": 0o700}, b""),
        ("bin/link", symlink("../lib/./x"), b""),
        ("lib/x", {"mode": 0o600}, b"x"),
        ("a" * 120 + "/" + "b" * 120, {}, b"long"),
    )
    opened(data, tmp_path)
    assert os.umask(0o022) == 0o077
    assert (tmp_path / "bin/tool").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "lib/x").stat().st_mode & 0o7777 == 0o644
    assert (tmp_path / "empty").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "bin/link").read_text(encoding="utf-8") == "x"
    assert (tmp_path / ("a" * 120) / ("b" * 120)).read_bytes() == b"long"


def test_the_top_directory_is_stripped(tmp_path: Path) -> None:
    opened(archive(("go", {"type": tarfile.DIRTYPE}, b""), ("go/VERSION", {}, b"v")), tmp_path, top="go")
    assert os.listdir(tmp_path) == ["VERSION"]


FOUND = {
    "../x": "leads out",
    "/x": "leads out",
    "a/../../x": "leads out",
    "a/../x": "leads out",
    "..": "leads out",
}


@pytest.mark.parametrize("name", FOUND)
def test_paths_that_lead_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(HostError, match=FOUND[name]):
        opened(archive((name, {}, b"x")), tmp_path)


@pytest.mark.parametrize("name", ["x", "gogo/x", "go/../x"])
def test_paths_beside_the_top_directory(tmp_path: Path, name: str) -> None:
    with pytest.raises(HostError):
        opened(archive((name, {}, b"x")), tmp_path, top="go")
    assert os.listdir(tmp_path) == []


def test_a_file_by_the_name_of_the_top_directory(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="where the top directory should be"):
        opened(archive(("go", {}, b"x")), tmp_path, top="go")


@pytest.mark.parametrize("target", ["..", "/etc/passwd", "../x", "a/../../x", "a/..", "../../x", "./../x"])
def test_links_that_can_lead_out(tmp_path: Path, target: str) -> None:
    with pytest.raises(HostError, match="can lead out"):
        opened(archive(("link", symlink(target), b"")), tmp_path)


def test_a_link_may_climb_as_far_as_the_archive_goes(tmp_path: Path) -> None:
    opened(archive(("a/b/link", symlink("../../x"), b"")), tmp_path)
    with pytest.raises(HostError, match="can lead out"):
        opened(archive(("a2/b/link", symlink("../../../x"), b"")), tmp_path)


@pytest.mark.parametrize(
    ("member", "found"),
    [
        (("link", symlink(""), b""), "a link to nothing"),
        (("link", symlink("x" * 5000), b""), "too long"),
        (("x" * 300, {}, b""), "too long"),
        (("x" * 300 + "/y", {}, b""), "too long"),
    ],
)
def test_names_that_a_file_system_does_not_take(
    tmp_path: Path, member: tuple[str, dict[str, t.Any], bytes], found: str
) -> None:
    with pytest.raises(HostError, match=found):
        opened(archive(member), tmp_path)


def test_links_are_never_followed(tmp_path: Path) -> None:
    data = archive(("d/x", {}, b""), ("link", symlink("d"), b""), ("link/y", {}, b""))
    with pytest.raises(HostError, match="through a link"):
        opened(data, tmp_path)


def test_a_link_is_not_overwritten_through(tmp_path: Path) -> None:
    data = archive(("x", {}, b"old"), ("link", symlink("x"), b""), ("link", {}, b"new"))
    with pytest.raises(HostError, match="same path twice"):
        opened(data, tmp_path)
    assert (tmp_path / "x").read_bytes() == b"old"


@pytest.mark.parametrize(
    "fields",
    [
        {"type": tarfile.CHRTYPE},
        {"type": tarfile.BLKTYPE},
        {"type": tarfile.FIFOTYPE},
        {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"},
        {"mode": 0o4755},
        {"mode": 0o2755},
        {"mode": 0o1755, "type": tarfile.DIRTYPE},
    ],
)
def test_other_kinds_of_members_are_refused(tmp_path: Path, fields: dict[str, t.Any]) -> None:
    with pytest.raises(HostError, match="wanted regular files"):
        opened(archive(("x", fields, b"")), tmp_path)
    assert os.listdir(tmp_path) == []


def test_more_than_the_limit(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="more data than a release"):
        opened(archive(("x", {}, bytes(600)), ("y", {}, bytes(600))), tmp_path)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def no_gzip(data: bytes) -> bytes:
    return gzip.decompress(data)


def no_tar(data: bytes) -> bytes:
    return gzip.compress(b"<html>" * 200)


def nothing(data: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("harm", [cut, no_gzip, no_tar, nothing])
def test_broken_archives_raise_an_error_of_their_own(
    tmp_path: Path, harm: t.Callable[[bytes], bytes]
) -> None:
    data = archive(("x", {}, os.urandom(900)))
    with pytest.raises(BrokenArchiveError):
        opened(harm(data), tmp_path)


def test_a_negative_size(tmp_path: Path) -> None:
    data = bytearray(gzip.decompress(archive(("x", {}, b""))))
    data[124:136] = b"-0000000777\0"
    data[148:156] = b" " * 8
    data[148:156] = f"{sum(data[:512]):06o}\0 ".encode()
    with pytest.raises((HostError, BrokenArchiveError)):
        opened(gzip.compress(bytes(data)), tmp_path)
    assert os.listdir(tmp_path) == []


# More than is made at once, and neither all alike nor all random.
DATA = random.Random(4).randbytes(300_000) + bytes(900_000) + b"end"
PACKED = gzip.compress(DATA)


class Slow:
    """Gives less than it is asked for, as a network does."""

    def __init__(self, data: bytes, most: int) -> None:
        self.file = io.BytesIO(data)
        self.most = most

    def read(self, size: int) -> bytes:
        return self.file.read(min(size, self.most))


@pytest.mark.parametrize("size", [1_000, 512 * 1024, 10_000_000])
@pytest.mark.parametrize("most", [7_777, 10_000_000])
def test_reads_of_any_size(size: int, most: int) -> None:
    stream = Inflated(Slow(PACKED, most))
    parts = list(iter(lambda: stream.read(size), b""))
    assert {len(part) for part in parts[:-1]} <= {size}
    assert b"".join(parts) == DATA
    assert (stream.tell(), stream.read(1)) == (len(DATA), b"")


def test_seeking_forward_only() -> None:
    stream = Inflated(io.BytesIO(PACKED))
    assert (stream.seek(5), stream.read(10), stream.tell()) == (5, DATA[5:15], 15)
    assert (stream.seek(700_000), stream.read(3)) == (700_000, DATA[700_000:700_003])
    with pytest.raises(ValueError, match="cannot seek back from 700003 to 3"):
        stream.seek(3)
    assert stream.seek(10**9) == len(DATA)


@pytest.mark.parametrize("between", [b"", bytes(700)], ids=["together", "padded"])
def test_gzip_members_in_a_row(between: bytes) -> None:
    stream = Inflated(Slow(gzip.compress(b"one") + between + gzip.compress(b"two") + between, 5))
    assert stream.read(100) == b"onetwo"


def test_a_stream_that_ends_too_early() -> None:
    packed = gzip.compress(b"a few words, and a few more")
    for end in range(len(packed)):
        with pytest.raises(EOFError, match="too early"):
            Inflated(io.BytesIO(packed[:end])).read(100)


@pytest.mark.parametrize(
    "data", [DATA, PACKED[:-8] + bytes(8), PACKED + b"and more"], ids=["plain", "checksum", "tail"]
)
def test_damage(data: bytes) -> None:
    stream = Inflated(io.BytesIO(data))
    with pytest.raises(zlib.error):
        while stream.read(100_000):
            pass


HEADERS: dict[str, dict[str, t.Any]] = {
    "file": {"name": "go/src/x.go", "size": 123_456, "mode": 0o644},
    "program": {"name": "go/bin/go", "size": 0o77777777777, "mode": 0o755},
    "setuid": {"name": "su", "mode": 0o4755},
    "directory": {"name": "go/src", "type": tarfile.DIRTYPE, "mode": 0o700},
    "not in ASCII": {"name": "go/ä", "size": 1},
    "name that fills its field": {"name": "n" * 100, "size": 1},
    "link": {"name": "a", "linkname": "b", "type": tarfile.SYMTYPE},
    "long name": {"name": "d" * 60 + "/" + "f" * 60, "size": 7},
    "beyond the digits": {"name": "big", "size": 8 * 2**30},
    "other time and owner": {"name": "x", "mtime": 1_700_000_000, "uid": 5, "uname": "me"},
}
COUNTED = ("name", "mode", "size", "type", "linkname")


def raw(fields: dict[str, t.Any], form: int) -> bytes:
    info = tarfile.TarInfo()
    for name, value in fields.items():
        setattr(info, name, value)
    return info.tobuf(format=form, encoding="utf-8")[-512:]


def seen(header: type[tarfile.TarInfo], data: bytes) -> object:
    try:
        info = header.frombuf(data, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        return type(error)
    return [getattr(info, name) for name in COUNTED]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT], ids=["ustar", "gnu"])
@pytest.mark.parametrize("fields", HEADERS.values(), ids=HEADERS)
def test_headers_are_parsed_as_tarfile_does(fields: dict[str, t.Any], form: int) -> None:
    if form == tarfile.USTAR_FORMAT and fields.get("size", 0) >= 8 * 2**30:
        form = tarfile.GNU_FORMAT  # the only one of the two that can say it
    data = raw(fields, form)
    assert isinstance(seen(PlainHeader, data), list)
    assert seen(PlainHeader, data) == seen(tarfile.TarInfo, data)


def test_damage_is_judged_as_tarfile_does() -> None:
    data = raw(HEADERS["file"], tarfile.USTAR_FORMAT)
    for place in range(512):
        for value in (0, ord("9"), ord("-"), data[place] ^ 1):
            harmed = data[:place] + bytes([value]) + data[place + 1 :]
            assert seen(PlainHeader, harmed) == seen(tarfile.TarInfo, harmed), (place, value)
    for short in (b"", data[:511], bytes(512)):
        assert seen(PlainHeader, short) == seen(tarfile.TarInfo, short)
        assert not isinstance(seen(PlainHeader, short), list)


@pytest.mark.parametrize("size", [b"-0000000001\0", b"0000000_001\0", b"00000000001\0"])
def test_sizes_that_only_int_accepts(size: bytes) -> None:
    data = bytearray(raw(HEADERS["file"], tarfile.USTAR_FORMAT))
    data[124:136] = size
    data[148:156] = b" " * 8
    data[148:156] = f"{sum(data):06o}\0 ".encode()
    assert seen(PlainHeader, bytes(data)) == seen(tarfile.TarInfo, bytes(data))
