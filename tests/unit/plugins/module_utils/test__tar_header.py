# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import tarfile
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._tar_header import PlainHeader

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
def test_what_tarfile_sees(fields: dict[str, t.Any], form: int) -> None:
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
def test_sizes_that_int_would_take(size: bytes) -> None:
    data = bytearray(raw(HEADERS["file"], tarfile.USTAR_FORMAT))
    data[124:136] = size
    data[148:156] = b" " * 8
    data[148:156] = f"{sum(data):06o}\0 ".encode()
    assert seen(PlainHeader, bytes(data)) == seen(tarfile.TarInfo, bytes(data))
