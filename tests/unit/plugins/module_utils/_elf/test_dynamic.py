# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import re
import shutil
import struct
import subprocess
import sys

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.dynamic import Dynamic, Need, read_dynamic
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.file import FormatError
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.open_file import opened

from .elf_maker import Part, Shape, dynamic_parts, elf_file, interpreter, parsed
from .test_file import SHAPES

NEEDS = {"libc.so.6": ["GLIBC_2.34", "WEAK_1"], "libm.so.6": ["GLIBC_2.29"]}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_interpreter_libraries_and_versions(shape: Shape) -> None:
    parts = dynamic_parts(
        shape, needed=list(NEEDS), needs=NEEDS, defines=["mine", "MINE_1"], runpath="/a:$ORIGIN/b"
    )
    assert read_dynamic(parsed(elf_file(interpreter("/lib/ld.so"), *parts, shape=shape))) == Dynamic(
        interpreter="/lib/ld.so",
        needed=("libc.so.6", "libm.so.6"),
        search=("/a", "$ORIGIN/b"),
        needs=(
            Need("libc.so.6", ("GLIBC_2.34",), ("WEAK_1",)),
            Need("libm.so.6", ("GLIBC_2.29",), ()),
        ),
        defines=("mine", "MINE_1"),
        position_independent=False,
    )


def test_static_is_without_interpreter_and_libraries() -> None:
    plain = read_dynamic(parsed(elf_file(Part("data", b"x"))))
    assert plain.static
    assert plain == Dynamic(None, (), (), (), (), False)
    # as Go links a position-independent program without cgo
    pie = read_dynamic(
        parsed(elf_file(interpreter("/l"), *dynamic_parts(Shape(), more=[(0x6FFFFFFB, 1 << 27)])))
    )
    assert (pie.static, pie.needed, pie.position_independent) == (False, (), True)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Part(".interp", b"\0", 3), "interpreter cannot be read"),
        (Part("dynamic", struct.pack("<2Q", 1, 1) * 8, 2), "has no end"),
        (Part("dynamic", struct.pack("<2Q", 1, 1) * 8 + bytes(16), 2), "not in the file"),
        (Part("dynamic", struct.pack("<4Q", 0x6FFFFFFE, 1, 0x6FFFFFFF, 1) + bytes(16), 2), "needed versions"),
        (
            Part("dynamic", struct.pack("<4Q", 0x6FFFFFFC, 1, 0x6FFFFFFD, 1) + bytes(16), 2),
            "defined versions",
        ),
    ],
)
def test_unreadable_tables_are_an_error(part: Part, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_dynamic(parsed(elf_file(part)))


def test_versions_in_a_circle() -> None:
    data = bytearray(elf_file(*dynamic_parts(Shape(), needed=["a"], needs={"a": ["A_1", "A_2"]})))
    elf = parsed(bytes(data))
    verneed = elf.section("verneed")
    assert verneed is not None
    # first: 65535 versions, the next of each is itself; next: the same table again; in all 2**32 of them
    struct.pack_into("<HHIII", data, verneed.offset, 1, 0xFFFF, 1, 16, 1)
    struct.pack_into("<IHHII", data, verneed.offset + 16, 0, 0, 2, 1, 1)
    data = bytearray(
        bytes(data).replace(struct.pack("<QQ", 0x6FFFFFFF, 1), struct.pack("<QQ", 0x6FFFFFFF, 1 << 32))
    )
    try:
        found = read_dynamic(parsed(bytes(data)))
    except FormatError:
        return
    assert sum(len(need.versions) for need in found.needs) <= 1 << 14


@pytest.mark.skipif(shutil.which("readelf") is None, reason="no readelf on this machine to compare with")
@pytest.mark.parametrize("name", ["python", "libc"])
def test_agrees_with_readelf(name: str) -> None:
    path = pathlib.Path(sys.executable).resolve()
    if name == "libc":
        maps = pathlib.Path("/proc/self/maps").read_text()
        found = re.search(r"/\S+/libc\.so\.6|/\S+/ld-musl\S+", maps)
        assert found
        path = pathlib.Path(found.group())
    with opened(str(path)) as file:
        from_us = read_dynamic(parsed(file.read(0, 1 << 27)))

    def readelf(option: str) -> str:
        argv = ["readelf", option, "-W", str(path)]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    table = readelf("-d")
    assert list(from_us.needed) == re.findall(r"\(NEEDED\)\s+Shared library: \[(.*?)\]", table)
    versions = readelf("-V")
    needed = versions.partition("Version needs section")[2]
    assert sorted(name for need in from_us.needs for name in need.versions + need.weak) == sorted(
        re.findall(r"  Name: (\S+)  Flags", needed)
    )
    defined = versions.partition("Version definition section")[2].partition("Version needs section")[0]
    assert list(from_us.defines) == re.findall(r"Cnt: \d+  +Name: (\S+)", defined)
