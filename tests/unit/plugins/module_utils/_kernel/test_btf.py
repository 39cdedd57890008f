# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import struct

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.btf import (
    Btf,
    BtfError,
    read_btf,
)

from .._probe.stand_in import FIXTURES, KERNELS
from .btf_writer import BtfWriter, kernel, with_functions

WHOLE = with_functions("vfs_read", "read")


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
def test_both_byte_orders_are_read(order: str) -> None:
    writer = BtfWriter(order=order)
    number = writer.add("INT", "int", 4, 0x01000020)
    function = writer.function("vfs_read", number, file=number)
    btf = Btf(writer.bytes())
    assert btf.function_id("vfs_read") == function
    assert btf.type(number) == ("INT", "int", False, 4, btf.type(number).rest)
    assert list(btf.type(number).rest) == [0x01000020]
    assert btf.end_id == function + 1


def test_a_function_is_found_by_its_whole_name_only() -> None:
    btf = Btf(WHOLE)
    assert btf.function_id("vfs_read") != btf.function_id("read")
    assert btf.type(btf.function_id("read") or 0).name == "read"
    for name in ("ead", "vfs_rea", "vfs_read\0", "", "file", "nonesuch", "ünïcode"):
        assert btf.function_id(name) is None


def test_several_functions_with_one_name_are_found() -> None:
    writer, types = kernel()
    name = writer.name("show")
    first = writer.function(name, types["int"])
    second = writer.function(name, types["void"])
    btf = Btf(writer.bytes())
    assert btf.function_ids("show") == [first, second]
    assert btf.function_id("show") == first


def test_members_that_look_like_a_function_are_ignored() -> None:
    writer, types = kernel()
    name = writer.name("vfs_read")
    # The words of a member are those of a function type: name, 12 << 24, number.
    writer.add("STRUCT", "trap", 8, name, 12 << 24, types["int"], members=1)
    assert Btf(writer.bytes()).function_id("vfs_read") is None


def test_types_of_a_module_are_numbered_after_those_of_the_kernel() -> None:
    writer, types = kernel()
    shared = writer.function("shared_name", types["int"])
    base = Btf(writer.bytes())
    split = BtfWriter(base=writer)
    own = split.function("ext4_sync_file", types["int"], file=types["struct file *"])
    # The name is the kernel's, the function is the module's.
    again = split.add("FUNC", base._offsets(b"shared_name")[0], own - 1)
    module = Btf(split.bytes(), base=base)
    assert module.function_id("ext4_sync_file") == own
    assert module.function_id("shared_name") == again
    assert base.function_id("shared_name") == shared
    assert base.function_id("ext4_sync_file") is None
    assert module.type(types["int"]).name == "int"
    assert module.type(own).name == "ext4_sync_file"


@pytest.mark.parametrize("number", [-1, 10_000, 1 << 31])
def test_an_unknown_type_number_is_an_error(number: int) -> None:
    with pytest.raises(BtfError, match="type"):
        Btf(WHOLE).type(number)


@pytest.mark.parametrize("offset", [-1, 1 << 20])
def test_an_unknown_name_offset_is_an_error(offset: int) -> None:
    with pytest.raises(BtfError, match="name at byte"):
        Btf(WHOLE).name_at(offset)


def test_truncated_data_is_refused() -> None:
    """Refuses data that is truncated in the header, in the types or in the names."""
    for length in range(len(WHOLE)):
        with pytest.raises(BtfError):
            Btf(WHOLE[:length])


def changed(offset: int, layout: str, *values: int) -> bytes:
    data = bytearray(WHOLE)
    struct.pack_into(layout, data, offset, *values)
    return bytes(data)


DAMAGED = {
    "nothing": (b"", "too short"),
    "another file": (b"\x7fELF" + bytes(60), "begins with 7f45"),
    "text": (b"not available\n" * 4, "begins with"),
    "another version": (changed(2, "B", 2), "version 2"),
    "a header longer than the file": (changed(4, "<I", 1 << 30), "truncated"),
    "a short header": (changed(4, "<I", 8), "truncated"),
    "types beyond the end": (changed(8, "<I", 1 << 20), "truncated"),
    "a size of types that is not a multiple of four": (changed(12, "<I", 1001), "truncated"),
    "names beyond the end": (changed(20, "<I", 1 << 31), "truncated"),
    "a kind of the future": (changed(28, "<I", 30 << 24), "kind 30"),
    "no kind": (changed(28, "<I", 0), "kind 0"),
    "members beyond the end": (changed(28, "<I", 4 << 24 | 0xFFFF), "last type is truncated"),
    "zeros": (bytes(200), "begins with 0000"),
}


@pytest.mark.parametrize(("data", "message"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_data_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(BtfError, match=message):
        Btf(data)


def test_a_longer_header_is_accepted() -> None:
    newer = bytearray(WHOLE[:24] + bytes(8) + WHOLE[24:])
    struct.pack_into("<I", newer, 4, 32)
    assert Btf(bytes(newer)).function_id("vfs_read") == Btf(WHOLE).function_id("vfs_read")


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_recorded_header_is_read(kernel: str) -> None:
    """Reports the truncated object as truncated. The record holds the header only."""
    found = read_btf(str(FIXTURES / kernel))
    assert isinstance(found, str)
    assert "truncated" in found


def test_the_types_of_the_kernel_are_read(tmp_path: pathlib.Path) -> None:
    assert "no /sys/kernel/btf/vmlinux" in str(read_btf(str(tmp_path)))
    directory = tmp_path / "sys/kernel/btf"
    directory.mkdir(parents=True)
    (directory / "vmlinux").write_bytes(WHOLE)
    found = read_btf(str(tmp_path))
    assert isinstance(found, Btf)
    assert found.function_id("vfs_read")
    (directory / "ext4").mkdir()
    assert "Is a directory" in str(read_btf(str(tmp_path), module="ext4", base=found))
