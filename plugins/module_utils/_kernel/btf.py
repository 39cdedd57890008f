# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The kernel's type information (BTF): the types of an object by number, its functions by name."""

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
# Words (of four bytes) after the three that every type has: so many at all, so many for each member.
_EXTRA = {"INT": 1, "ARRAY": 3, "VAR": 1, "DECL_TAG": 1}
_EACH = {"STRUCT": 3, "UNION": 3, "ENUM": 2, "FUNC_PROTO": 2, "DATASEC": 3, "ENUM64": 3}


class BtfError(ValueError):
    """The data is not BTF, or says what cannot be."""


class Type(t.NamedTuple):
    """struct btf_type. ``target``: the type referred to, or a size; ``rest``: the words that follow."""

    kind: str
    name: str
    flag: bool
    target: int
    rest: t.Sequence[int]


class _Steps(t.Dict[int, int]):
    """The length in words of a type, by its info word: a kernel has few of these and 100,000 types."""

    def __missing__(self, info: int) -> int:
        number = info >> 24 & 0x1F
        if not 0 < number < len(KINDS):
            raise BtfError(f"a type of the kind {number}, which is not known here")
        kind = KINDS[number]
        step = self[info] = 3 + _EXTRA.get(kind, 0) + _EACH.get(kind, 0) * (info & 0xFFFF)
        return step


class Btf:
    """The types of the kernel, or those that a module adds to its base."""

    def __init__(self, data: bytes, *, base: Btf | None = None) -> None:
        """
        :param data: a whole BTF object
        :param base: what a module's types build on: numbers and names go on where those of the base end
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
        """The number of the first type that is not here any more."""
        return self._first_id + len(self._starts)

    @property
    def end_name(self) -> int:
        """The offset of the first name that is not here any more."""
        return self._first_name + len(self._strings)

    def type(self, number: int) -> Type:
        """The type with this number, 0 is void. BtfError where there is none."""
        if number == 0:
            return Type("VOID", "void", False, 0, ())
        if number < self._first_id and self._base is not None:
            return self._base.type(number)
        index = number - self._first_id
        if not 0 <= index < len(self._starts):
            raise BtfError(f"type {number} of {self.end_id - 1}")
        start = self._starts[index]
        name, info, target = self._words[start : start + 3]
        rest = self._words[start + 3 : start + 3 + _Steps()[info] - 3]
        return Type(KINDS[info >> 24 & 0x1F], self.name_at(name), bool(info >> 31), target, rest)

    def name_at(self, offset: int) -> str:
        """The string at an offset. BtfError where there is none."""
        if offset < self._first_name and self._base is not None:
            return self._base.name_at(offset)
        start = offset - self._first_name
        end = self._strings.find(b"\0", start) if 0 <= start < len(self._strings) else -1
        if end < 0:
            raise BtfError(f"a name at byte {offset} of {self.end_name}")
        return self._strings[start:end].decode("utf-8", "replace")

    def function_ids(self, name: str) -> list[int]:
        """The numbers of all functions of this name in this object, not in its base."""
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
        """The number of the first function of this name, in this object alone; None: it has none."""
        return next(iter(self.function_ids(name)), None)

    def _number_at(self, at: int) -> int | None:
        """The type that begins at this byte, if one does."""
        index = bisect.bisect_left(self._starts, at // 4)
        if at % 4 or index == len(self._starts) or self._starts[index] != at // 4:
            return None
        return self._first_id + index

    def _offsets(self, name: bytes) -> list[int]:
        """Where a name stands by itself. No writer of BTF shares the end of a longer one."""
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
    """The types of the kernel (Linux 5.4) or of a loaded module (5.11), or why there are none.

    :param module: whose; those of a module need those of the kernel as their ``base``
    """
    path = os.path.join(root, "sys/kernel/btf", module)
    shown = f"/sys/kernel/btf/{module}"
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return f"{shown} is not there: built without CONFIG_DEBUG_INFO_BTF, or not loaded"
    except OSError as error:
        return f"{shown}: {error.strerror}"
    try:
        return Btf(data, base=base)
    except BtfError as error:
        return f"{shown}: {error}"


def _sections(data: bytes) -> tuple[str, bytes, bytes]:
    """struct btf_header: the byte order, the types and the names."""
    if len(data) < _HEADER:
        raise BtfError(f"{len(data)} bytes, too short for a header")
    order = next((order for order in "<>" if struct.unpack_from(f"{order}H", data) == (_MAGIC,)), "")
    if not order:
        raise BtfError(f"begins with {data[:2].hex()}, not as BTF does")
    length, types, types_size, names, names_size = struct.unpack_from(f"{order}5I", data, 4)
    if data[2] != 1:
        raise BtfError(f"version {data[2]}, known is 1")
    if length < _HEADER or max(types + types_size, names + names_size) + length > len(data) or types_size % 4:
        raise BtfError(f"cut off: {len(data)} bytes do not hold the sections of the header")
    return (
        order,
        data[length + types : length + types + types_size],
        data[length + names : length + names + names_size],
    )


def _starts(words: t.Sequence[int]) -> list[int]:
    """Where each type begins, in words."""
    starts: list[int] = []
    steps, at, last = _Steps(), 0, len(words) - 3
    append = starts.append
    while at <= last:
        append(at)
        at += steps[words[at + 1]]
    if at != len(words):
        raise BtfError("the last type is cut off")
    return starts
