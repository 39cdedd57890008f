# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parsers of bytes from others, given damaged ones: an answer or the parser's own error, in little time and memory.

FUZZ_SECONDS=120 spends that long on each parser; FUZZ_SEED repeats the inputs of a run that printed it.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import pathlib
import random
import struct
import tarfile
import tempfile
import time
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.audit_log import (
    PrintLimit,
    denials_of,
    journal_records,
    line_records,
    printed_gaps,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.crc32c import crc32c
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.format import (
    Header,
    Plan,
    read_delta,
    write_delta,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._delta.patch import (
    COPY,
    NEW,
    instruction,
    run_instructions,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.dynamic import read_dynamic
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.file import FormatError, parse_elf
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.notes import read_build_ids
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary.buildinfo import read_build_info
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.btf import Btf, BtfError
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.btf_prototype import prototype
from ansible_collections.gofleet.hosts.plugins.module_utils._prometheus.exposition import (
    PageError,
    parse_exposition,
    series_key,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._unpack import BrokenArchiveError, unpack

from ..unit.plugins.module_utils._elf.elf_maker import (
    Part,
    Shape,
    dynamic_parts,
    elf_file,
    inline_info,
    interpreter,
    note,
    pointed_info,
)
from ..unit.plugins.module_utils._kernel.btf_writer import with_functions
from . import mutation
from .mutation import SEED, Parser, damaged, fuzz

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "fixtures"
OLD = random.Random(1).randbytes(3000)
PAGE = rb"""# HELP http_requests_total The number.
# TYPE http_requests_total counter
http_requests_total{code="200",path="/a\\b\"c\n"} 1027 1395066363000
{"quoted name",code="500"} 3
latency_bucket{le="+Inf"} 144320 # {trace_id="x"} 0.67
go_gc_duration_seconds{quantile="0.5"} 4.1e-05
nothing NaN
"""
FRAME = struct.Struct(">cII")
MEMORY = "/dev/shm"  # where files cost least


def any_of(*corpus: bytes) -> t.Callable[[random.Random], bytes]:
    return lambda chance: damaged(chance, chance.choice(corpus))


def elf_files() -> list[bytes]:
    """Small files with everything in them that is read, of both classes and byte orders."""
    wide, narrow = Shape(), Shape(wide=False, order=">", machine=22)
    parts = dynamic_parts(
        wide, needed=["libc.so.6"], needs={"libc.so.6": ["GLIBC_2.34"]}, defines=["a", "b"], runpath="/x"
    )
    notes = Part(".note.go.buildid", note(wide, b"Go\0\0", 4, b"build/id"), segment=4)
    return [
        elf_file(interpreter("/lib/ld.so"), *parts, notes, Part(".go.buildinfo", inline_info())),
        elf_file(*pointed_info(narrow), shape=narrow),
    ]


def read_elf(data: bytes) -> None:
    elf = parse_elf(lambda offset, size: data[offset : offset + size])
    read_build_ids(elf)
    for reading in (read_dynamic, lambda elf: read_build_info(elf, at_most=1 << 20)):
        with contextlib.suppress(FormatError):  # one of them says nothing of the other
            reading(elf)


def read_types(data: bytes) -> None:
    btf = Btf(data)
    for number in [*btf.function_ids("vfs_read"), *btf.function_ids("x"), *range(min(btf.end_id, 50))]:
        with contextlib.suppress(BtfError):
            btf.type(number)
            prototype(btf, number)


def delta() -> bytes:
    stream = io.BytesIO()
    changed = [["a", "file", True, 3010, "", "a"], ["l", "link", False, 0, "a", None]]
    body = [instruction(COPY, 3000), instruction(NEW, 10), b"0123456789"]
    write_delta(stream, Header("00" * 32, "ab" * 32, True, 3010), Plan(["gone"], changed), body, preset=0)
    return stream.getvalue()


def damaged_delta(chance: random.Random) -> bytes:
    """Behind the checksums: half of the inputs have one frame damaged and its checksum made to fit."""
    data = delta()
    if chance.random() < 0.5:
        return damaged(chance, data)
    magic = data.index(b"\n") + 1
    frames, at = [], magic
    while at < len(data):
        kind, length, dummy = FRAME.unpack_from(data, at)
        at += FRAME.size
        frames.append((kind, data[at : at + length]))
        at += length
    chosen = chance.randrange(len(frames))
    kind, payload = frames[chosen]
    frames[chosen] = kind, damaged(chance, payload)
    return data[:magic] + b"".join(
        FRAME.pack(kind, len(payload), crc32c(kind + payload)) + payload for kind, payload in frames
    )


def read_whole_delta(data: bytes) -> None:
    dummy, plan, body = read_delta(io.BytesIO(data))
    for dummy2, kind, dummy3, size, dummy4, source in plan.changed:
        if kind == "file" and size < 1 << 20:
            old = old_bytes if source else None
            run_instructions(body, size=size, old=old, write=lambda piece: None)
    body.finish()


def old_bytes(offset: int, length: int) -> bytes:
    return OLD[offset : offset + length]


def run_damaged_instructions(data: bytes) -> None:
    class Body:
        """As the body of a delta: so many bytes, or HostError."""

        def __init__(self) -> None:
            self.stream = io.BytesIO(data)

        def read(self, size: int) -> bytes:
            piece = self.stream.read(min(size, len(data) + 1))
            if len(piece) < size:
                raise HostError("delta", wanted="", found="the end", remedy="")
            return piece

    run_instructions(Body(), size=4000, old=old_bytes, write=lambda piece: None)


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, kind, content in (
            ("go", tarfile.DIRTYPE, b""),
            ("go/bin/go", tarfile.REGTYPE, b"#!/bin/sh\n"),
            ("go/link", tarfile.SYMTYPE, b""),
            ("go/" + f"{'long' * 20}/" * 2 + "name", tarfile.REGTYPE, b"long"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(content), "bin/go" * (kind == tarfile.SYMTYPE)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def damaged_archive(chance: random.Random) -> bytes:
    """Damaged as gzip, or inside of it; then half of the headers get a checksum that fits."""
    whole = tar()
    if chance.random() < 0.3:
        return damaged(chance, gzip.compress(whole, 1))
    inner = bytearray(damaged(chance, whole))
    if chance.random() < 0.5:
        for at in range(0, len(inner) - 511, 512):
            if inner[at + 257 : at + 262] == b"ustar":
                inner[at + 148 : at + 156] = b" " * 8
                inner[at + 148 : at + 156] = b"%06o\0 " % sum(inner[at : at + 512])
    return gzip.compress(bytes(inner), 1)


def unpack_it(data: bytes) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY if os.path.isdir(MEMORY) else None) as outer:
        into = pathlib.Path(outer) / "into"
        into.mkdir()
        try:
            unpack(io.BytesIO(data), into=str(into), name="a.tar.gz", top="go", limit=1 << 20)
        finally:
            assert [path.name for path in pathlib.Path(outer).iterdir()] == ["into"]
            assert all(_inside(path, into) for path in into.rglob("*"))


def _inside(path: pathlib.Path, top: pathlib.Path) -> bool:
    try:
        return path.resolve().is_relative_to(top.resolve())
    except (OSError, RuntimeError):
        return True  # a link to itself leads nowhere


def audit_logs() -> list[bytes]:
    lines = (FIXTURES / "apparmor" / "kernel-6.12.log").read_bytes().splitlines()
    kinds: dict[bytes, list[bytes]] = {}
    for line in lines:
        kinds.setdefault(line.partition(b"operation=")[2][:8], []).append(line)
    return [b"\n".join(group[:4]) for group in kinds.values()]


def read_audit_log(data: bytes) -> None:
    lines = data.decode("utf-8", "surrogateescape").splitlines()
    entries = []
    for number, line in enumerate(lines):
        message: t.Any = list(line.encode("utf-8", "surrogateescape")) if number % 2 else line
        entry = {
            "MESSAGE": message,
            "_TRANSPORT": ("kernel", "audit")[number % 3 == 0],
            "_AUDIT_ID": line[:5],
        }
        entries.append(json.dumps({**entry, "_SOURCE_REALTIME_TIMESTAMP": line[:16]}))
    for records in (list(line_records(lines, printed=True)), list(journal_records(entries))):
        denials_of(records)
        printed_gaps(records, limit=PrintLimit(5, 10))


def read_page(data: bytes) -> None:
    for series in parse_exposition(data.decode("utf-8", "replace")):
        series_key(series.name, series.labels)


PARSERS = {
    "audit log": Parser(any_of(*audit_logs()), read_audit_log, ()),
    "BTF": Parser(
        any_of(with_functions("vfs_read", "x", y=["const char *", "..."])), read_types, (BtfError,)
    ),
    "delta": Parser(damaged_delta, read_whole_delta, (HostError,)),
    "delta instructions": Parser(
        any_of(
            instruction(COPY, 3000)
            + instruction(1, 900, offset=7)
            + b"\1" * 900
            + instruction(NEW, 100)
            + OLD
        ),
        run_damaged_instructions,
        (HostError,),
    ),
    "ELF and build information": Parser(any_of(*elf_files()), read_elf, (FormatError,)),
    "exposition": Parser(any_of(PAGE), read_page, (PageError,)),
    "tar.gz": Parser(damaged_archive, unpack_it, (HostError, BrokenArchiveError)),
}


@pytest.mark.parametrize("name", PARSERS)
def test_damaged_input_is_read_or_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    read, refused = fuzz(name, PARSERS[name])
    with capsys.disabled():
        print(f"\n{name}: {read} inputs read, {refused} refused, FUZZ_SEED={SEED}")
    # Otherwise the damage is such that nothing is tried.
    assert read and (refused or not PARSERS[name].refusals)


def test_the_same_seed_gives_the_same_inputs() -> None:
    for name, parser in PARSERS.items():
        first, second = (parser.make(random.Random(f"7 {name} 3")) for dummy in range(2))
        assert first == second, name


def test_a_parser_that_fails_is_reported_with_its_input() -> None:
    def read(data: bytes) -> None:
        raise KeyError(len(data))

    with pytest.raises(AssertionError, match=r"KeyError.* for input 0 of FUZZ_SEED=5, "):
        fuzz("broken", Parser(any_of(b"abc"), read, (ValueError,)), seed=5)


@pytest.mark.parametrize(
    ("read", "why"),
    [(lambda data: bytearray(1 << 30), "MemoryError"), (lambda data: time.sleep(60), "TimeoutError")],
)
def test_a_parser_that_takes_too_much_is_reported(
    read: t.Callable[[bytes], object], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutation, "LIMIT", 0.2)
    with pytest.raises(AssertionError, match=why):
        fuzz("greedy", Parser(any_of(b"abc"), read, (ValueError,)))
