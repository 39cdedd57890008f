# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write BTF for tests."""

from __future__ import annotations

import struct
import typing as t

_KINDS = """
VOID INT PTR ARRAY STRUCT UNION ENUM FWD TYPEDEF VOLATILE CONST RESTRICT FUNC FUNC_PROTO VAR DATASEC FLOAT DECL_TAG
TYPE_TAG ENUM64
"""
KINDS = _KINDS.split()


class BtfWriter:
    """A BTF object to which a test adds types. Adding a type returns its number."""

    def __init__(self, *, order: str = "<", base: BtfWriter | None = None) -> None:
        self.order = order
        self.base = base
        self.names = b"" if base else b"\0"
        self.types: list[bytes] = []
        self._first_name = len(base.names) if base else 0
        self._next = len(base.types) + 1 if base else 1

    def name(self, text: str) -> int:
        if not text:
            return 0
        self.names += text.encode() + b"\0"
        return self._first_name + len(self.names) - len(text) - 1

    def add(
        self,
        kind: str,
        name: str | int = "",
        target: int = 0,
        *rest: int,
        members: int = 0,
        flag: bool = False,
    ) -> int:
        """Add a type. ``rest``: the words that follow. ``members``: the number of members, or the linkage."""
        info = KINDS.index(kind) << 24 | members | flag << 31
        offset = name if isinstance(name, int) else self.name(name)
        self.types.append(struct.pack(f"{self.order}{3 + len(rest)}I", offset, info, target, *rest))
        number, self._next = self._next, self._next + 1
        return number

    def function(self, name: str | int, returns: int, **arguments: int) -> int:
        pairs = [word for argument, kind in arguments.items() for word in (self.name(argument), kind)]
        proto = self.add("FUNC_PROTO", "", returns, *pairs, members=len(arguments))
        return self.add("FUNC", name, proto)

    def bytes(self) -> bytes:
        types = b"".join(self.types)
        head = struct.pack(f"{self.order}HBB5I", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(self.names))
        return head + types + self.names


def kernel() -> tuple[BtfWriter, dict[str, int]]:
    """Return a writer with the types that functions of the tests use, and their numbers by C name."""
    btf = BtfWriter()
    types: dict[str, int] = {"void": 0}
    types["int"] = btf.add("INT", "int", 4, 0x01000020)
    types["char"] = btf.add("INT", "char", 1, 0x01000008)
    types["long"] = btf.add("INT", "long unsigned int", 8, 64)
    types["size_t"] = btf.add("TYPEDEF", "size_t", types["long"])
    types["struct file"] = btf.add("STRUCT", "file", 8, btf.name("f_mode"), types["int"], 0, members=1)
    types["const char"] = btf.add("CONST", "", types["char"])
    for name in ("struct file", "const char", "char", "void"):
        types[f"{name} *"] = btf.add("PTR", "", types[name])
    return btf, types


def with_functions(*names: str, **shapes: t.Sequence[str]) -> bytes:
    """Return BTF with functions ``int name(struct file *file, size_t size)``, or with arguments of other types."""
    btf, types = kernel()
    for name, arguments in {**dict.fromkeys(names, ("struct file *", "size_t")), **shapes}.items():
        pairs = {f"a{number}": types[kind] for number, kind in enumerate(arguments) if kind != "..."}
        words = [word for argument, kind in pairs.items() for word in (btf.name(argument), kind)]
        words += [0, 0] if "..." in arguments else []
        proto = btf.add("FUNC_PROTO", "", types["int"], *words, members=len(words) // 2)
        btf.add("FUNC", name, proto)
    return btf.bytes()
