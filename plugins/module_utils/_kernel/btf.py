# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read the kernel's type information (BTF)."""

from __future__ import annotations

import array
import bisect
import os
import struct
import sys
import typing as t

__all__ = ["KINDS", "VMLINUX", "Btf", "BtfError", "Type", "read_btf"]

VMLINUX = "vmlinux"
_MAGIC = 0xEB9F
_HEADER = 24
_KIND_FUNC = 12

# enum of include/uapi/linux/btf.h, by number
_KINDS = """
VOID INT PTR ARRAY STRUCT UNION ENUM FWD TYPEDEF VOLATILE CONST RESTRICT FUNC FUNC_PROTO VAR DATASEC FLOAT DECL_TAG
TYPE_TAG ENUM64
"""
KINDS = tuple(_KINDS.split())
# The number of four-byte words after the three that every type has: a fixed number, and a number for each member.
_EXTRA = {"INT": 1, "ARRAY": 3, "VAR": 1, "DECL_TAG": 1}
_EACH = {"STRUCT": 3, "UNION": 3, "ENUM": 2, "FUNC_PROTO": 2, "DATASEC": 3, "ENUM64": 3}


class BtfError(ValueError):
    """The data is not BTF or is damaged."""


class Type(t.NamedTuple):
    """A struct btf_type. ``target``: the type that it refers to, or a size. ``rest``: the words that follow."""

    kind: str
    name: str
    flag: bool
    target: int
    rest: t.Sequence[int]


class _Lengths(t.Dict[int, int]):
    """The length of a type in words, by its info word. A kernel has 100,000 types but few different info words."""

    def __missing__(self, info: int) -> int:
        number = info >> 24 & 0x1F
        if not 0 < number < len(KINDS):
            raise BtfError(f"a type of the unknown kind {number}")
        kind = KINDS[number]
        length = self[info] = 3 + _EXTRA.get(kind, 0) + _EACH.get(kind, 0) * (info & 0xFFFF)
        return length


class Btf:
    """The types of the kernel, or those that a module adds to them."""

    def __init__(self, data: bytes, *, base: Btf | None = None) -> None:
        """
        :param data: a whole BTF object
        :param base: the types of the kernel, for those of a module, whose type and string numbers follow them
        """
        self._base = base
        self._order, types, self._strings = _sections(data)
        self._types = types
        self._words = array.array("I", types)
        if (self._order == "<") != (sys.byteorder == "little"):
            self._words.byteswap()
        self._starts = _starts(self._words)
        self._first_id = base.end_id if base is not None else 1
        self._first_name = base.end_name if base is not None else 0

    @property
    def end_id(self) -> int:
        """The number after the last type."""
        return self._first_id + len(self._starts)

    @property
    def end_name(self) -> int:
        """The offset after the last name."""
        return self._first_name + len(self._strings)

    def type(self, number: int) -> Type:
        """Return the type with this number. 0 is void.

        :raises BtfError: there is no such type
        """
        if number == 0:
            return Type("VOID", "void", False, 0, ())
        if number < self._first_id and self._base is not None:
            return self._base.type(number)
        index = number - self._first_id
        if not 0 <= index < len(self._starts):
            raise BtfError(f"there is no type {number}, the last is {self.end_id - 1}")
        start = self._starts[index]
        name, info, target = self._words[start : start + 3]
        rest = self._words[start + 3 : start + 3 + _Lengths()[info] - 3]
        return Type(KINDS[info >> 24 & 0x1F], self.name_at(name), bool(info >> 31), target, rest)

    def name_at(self, offset: int) -> str:
        """Return the string at an offset.

        :raises BtfError: there is no such string
        """
        if offset < self._first_name and self._base is not None:
            return self._base.name_at(offset)
        start = offset - self._first_name
        end = self._strings.find(b"\0", start) if 0 <= start < len(self._strings) else -1
        if end < 0:
            raise BtfError(f"there is no name at byte {offset} of {self.end_name}")
        return self._strings[start:end].decode("utf-8", "replace")

    def function_ids(self, name: str) -> list[int]:
        """Return the numbers of all functions with this name in this object, without its base."""
        found = []
        for offset in self._offsets(name.encode("utf-8", "replace")):
            wanted = struct.pack(f"{self._order}I", offset)
            at = self._types.find(wanted)
            while at >= 0:
                number = self._number_at(at)
                if number is not None and self._words[at // 4 + 1] >> 24 & 0x1F == _KIND_FUNC:
                    found.append(number)
                at = self._types.find(wanted, at + 1)
        return sorted(found)

    def function_id(self, name: str) -> int | None:
        """Return the number of the first function with this name in this object, or None."""
        return next(iter(self.function_ids(name)), None)

    def _number_at(self, at: int) -> int | None:
        """Return the number of the type that begins at this byte, or None."""
        index = bisect.bisect_left(self._starts, at // 4)
        if at % 4 or index == len(self._starts) or self._starts[index] != at // 4:
            return None
        return self._first_id + index

    def _offsets(self, name: bytes) -> list[int]:
        """Return the offsets of a whole name. Writers of BTF do not let a name share the end of a longer one."""
        found = self._base._offsets(name) if self._base is not None else []
        whole, strings = name + b"\0", self._strings
        if strings.startswith(whole) and name:
            found.append(self._first_name)
        at = strings.find(b"\0" + whole) if name else -1
        while at >= 0:
            found.append(self._first_name + at + 1)
            at = strings.find(b"\0" + whole, at + 1)
        return found


def read_btf(root: str, *, module: str = VMLINUX, base: Btf | None = None) -> Btf | str:
    """Read the types of the kernel (Linux 5.4) or of a loaded module (5.11).

    :param module: the name of the module, or VMLINUX for the kernel
    :param base: the types of the kernel, which those of a module need
    :returns: the types, or a text that says why they cannot be read
    """
    path = os.path.join(root, "sys/kernel/btf", module)
    shown = f"/sys/kernel/btf/{module}"
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return f"no {shown}: the kernel is built without CONFIG_DEBUG_INFO_BTF, or the module is not loaded"
    except OSError as error:
        return f"{shown}: {error.strerror}"
    try:
        return Btf(data, base=base)
    except BtfError as error:
        return f"{shown}: {error}"


def _sections(data: bytes) -> tuple[str, bytes, bytes]:
    """Parse struct btf_header. Return the byte order, the types and the names."""
    if len(data) < _HEADER:
        raise BtfError(f"{len(data)} bytes, too short for a header")
    order = next((order for order in "<>" if struct.unpack_from(f"{order}H", data) == (_MAGIC,)), "")
    if not order:
        raise BtfError(f"begins with {data[:2].hex()}, which is not the magic number of BTF")
    length, types, types_size, names, names_size = struct.unpack_from(f"{order}5I", data, 4)
    if data[2] != 1:
        raise BtfError(f"version {data[2]}, only version 1 is supported")
    if length < _HEADER or max(types + types_size, names + names_size) + length > len(data) or types_size % 4:
        raise BtfError(f"truncated: {len(data)} bytes do not hold the sections of the header")
    return (
        order,
        data[length + types : length + types + types_size],
        data[length + names : length + names + names_size],
    )


def _starts(words: t.Sequence[int]) -> list[int]:
    """Return where each type begins, in words."""
    starts: list[int] = []
    lengths, at, last = _Lengths(), 0, len(words) - 3
    append = starts.append
    while at <= last:
        append(at)
        at += lengths[words[at + 1]]
    if at != len(words):
        raise BtfError("the last type is truncated")
    return starts
