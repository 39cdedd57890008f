# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import random
import struct
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.crc32c import crc32c
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.format import (
    Header,
    Plan,
    read_delta,
    write_delta,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError

HEADER = Header(None, "ab" * 32, True, 5)
PLAN = Plan(["gone"], [["\udcff", "file", True, 5, "", None], ["l", "link", False, 0, "x", None]])
BODY = random.Random(3).randbytes(2_500_000)
HEAD = struct.Struct(">cII")


def written(body: t.Iterable[bytes] = (BODY,)) -> bytes:
    stream = io.BytesIO()
    write_delta(stream, HEADER, PLAN, body, preset=0)
    return stream.getvalue()


def frame(kind: bytes, payload: bytes) -> bytes:
    return HEAD.pack(kind, len(payload), crc32c(kind + payload)) + payload


def read(data: bytes, size: int) -> tuple[Header, Plan, bytes]:
    header, plan, body = read_delta(io.BytesIO(data))
    content = body.read(size)
    body.finish()
    return header, plan, content


def test_there_and_back() -> None:
    data = written(BODY[start : start + 7000] for start in range(0, len(BODY), 7000))
    assert data == written()
    assert read(data, len(BODY)) == (HEADER, PLAN, BODY)
    assert read(written([]), 0) == (HEADER, PLAN, b"")


def test_pieces_of_a_body() -> None:
    dummy, dummy2, body = read_delta(io.BytesIO(written()))
    assert body.read(10) + body.read(1_500_000) + body.read(len(BODY) - 1_500_010) == BODY
    body.finish()


def test_frames_are_small_enough_to_hold() -> None:
    data = written()
    place, kinds = 16, b""
    while place < len(data):
        kind, length, dummy = HEAD.unpack(data[place : place + HEAD.size])
        assert length <= 1024 * 1024
        kinds += kind
        place += HEAD.size + length
    assert kinds == b"HPBBBE"


@pytest.mark.parametrize("size", [len(BODY) - 1, len(BODY) + 1])
def test_a_plan_that_tells_of_less_or_more(size: int) -> None:
    with pytest.raises(HostError, match="than the plan tells of"):
        read(written(), size)


def small() -> bytes:
    return written([b"hello"])


def test_cut_anywhere() -> None:
    data = small()
    for end in range(len(data)):
        with pytest.raises(HostError):
            read(data[:end], 5)


def test_a_flipped_bit_anywhere() -> None:
    data = small()
    for place in range(len(data)):
        harmed = bytearray(data)
        harmed[place] ^= 1 << place % 8
        with pytest.raises(HostError):
            read(bytes(harmed), 5)


def test_more_behind_the_end() -> None:
    with pytest.raises(HostError):
        read(small() + b"x", 5)


MAGIC = small()[:16]


@pytest.mark.parametrize(
    ("frames", "found"),
    [
        ([], "truncated"),
        ([frame(b"P", b"")], "in place of"),
        ([frame(b"H", b"{}"), frame(b"P", b"x")], "cannot be read"),
        ([frame(b"H", b"[]"), frame(b"P", b"x")], "cannot be read"),
        ([HEAD.pack(b"H", 2**32 - 1, 0)], "a frame of 4294967295 bytes"),
        ([HEAD.pack(b"H", 2**20 + 1, 0)], "a frame of 1048577 bytes"),
    ],
)
def test_hostile_frames(frames: list[bytes], found: str) -> None:
    with pytest.raises(HostError, match=found):
        read_delta(io.BytesIO(MAGIC + b"".join(frames)))


@pytest.mark.parametrize(
    "change",
    [
        [1, "file", True, 5, "", None],
        ["x", "device", True, 5, "", None],
        ["x", "file", 1, 5, "", None],
        ["x", "file", True, -5, "", None],
        ["x", "file", True, "5", "", None],
        ["x", "file", True, 5, "", 7],
        ["x", "file"],
    ],
)
def test_hostile_plans(change: list[t.Any]) -> None:
    stream = io.BytesIO()
    write_delta(stream, HEADER, Plan([], [change]), [], preset=0)
    with pytest.raises(HostError, match="cannot be read"):
        read_delta(io.BytesIO(stream.getvalue()))


@pytest.mark.parametrize("field", [{"new": 5}, {"size": -1}, {"is_tree": 1}, {"old": 3}])
def test_hostile_headers(field: dict[str, t.Any]) -> None:
    stream = io.BytesIO()
    write_delta(stream, HEADER._replace(**field), PLAN, [], preset=0)
    with pytest.raises(HostError, match="cannot be read"):
        read_delta(io.BytesIO(stream.getvalue()))
