# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Write the prototypes of kernel functions in C, from BTF."""

from __future__ import annotations

import typing as t

from .btf import Btf, BtfError, Type

__all__ = ["Argument", "Prototype", "declaration", "prototype"]

# Types of a kernel are nested far less. A damaged type may refer to itself.
_DEEPEST = 32
_QUALIFIERS = {"CONST": "const", "VOLATILE": "volatile", "RESTRICT": "restrict"}
_TAGGED = {"STRUCT": "struct", "UNION": "union", "ENUM": "enum", "ENUM64": "enum"}


class Argument(t.NamedTuple):
    """An argument of a function. A variable argument list has the name "" and the type "..."."""

    name: str
    type: str


class Prototype(t.NamedTuple):
    """The return type of a function and its arguments in order."""

    returns: str
    arguments: tuple[Argument, ...]

    @property
    def variadic(self) -> bool:
        """Whether the function has a variable argument list."""
        return bool(self.arguments) and self.arguments[-1].type == "..."

    def report(self) -> dict[str, t.Any]:
        """Return the dictionary that the modules return."""
        return {"returns": self.returns, "arguments": [argument._asdict() for argument in self.arguments]}


def prototype(btf: Btf, number: int) -> Prototype:
    """Return the prototype of the function with this number.

    :raises BtfError: the type is not a function, or it is damaged
    """
    function = btf.type(number)
    signature = btf.type(function.target) if function.kind == "FUNC" else function
    if signature.kind != "FUNC_PROTO":
        raise BtfError(f"type {number} is not a function")
    pairs = zip(signature.rest[::2], signature.rest[1::2])
    return Prototype(
        declaration(btf, signature.target),
        tuple(
            Argument(btf.name_at(name), declaration(btf, kind)) if name or kind else Argument("", "...")
            for name, kind in pairs
        ),
    )


def declaration(btf: Btf, number: int, inner: str = "", *, depth: int = 0) -> str:
    """Write the declaration of ``inner`` with a type in C, such as ``char *const argv[2]``."""
    if depth > _DEEPEST:
        raise BtfError(f"type {number} refers to itself")
    found = btf.type(number)
    if found.kind in _QUALIFIERS:
        return _qualified(btf, found, inner, depth + 1)
    if found.kind == "TYPE_TAG":
        return declaration(btf, found.target, inner, depth=depth + 1)
    if found.kind == "PTR":
        pointed = btf.type(found.target).kind
        star = f"(*{inner})" if pointed in ("ARRAY", "FUNC_PROTO") else f"*{inner}"
        return declaration(btf, found.target, star, depth=depth + 1)
    if found.kind == "ARRAY":
        element, dummy, count = found.rest
        return declaration(btf, element, f"{inner}[{count}]", depth=depth + 1)
    if found.kind == "FUNC_PROTO":
        return declaration(btf, found.target, inner + _parameters(btf, found, depth + 1), depth=depth + 1)
    return f"{_named(found)} {inner}".rstrip()


def _qualified(btf: Btf, found: Type, inner: str, depth: int) -> str:
    word, target = _QUALIFIERS[found.kind], found.target
    below = btf.type(target)
    for dummy in range(_DEEPEST):
        if below.kind not in _QUALIFIERS and below.kind != "TYPE_TAG":
            break
        below = btf.type(below.target)
    if below.kind == "PTR":  # the qualifier of a pointer follows its star
        return declaration(btf, target, f"{word} {inner}".rstrip(), depth=depth)
    return f"{word} {declaration(btf, target, inner, depth=depth)}"


def _parameters(btf: Btf, signature: Type, depth: int) -> str:
    shown = [
        declaration(btf, kind, depth=depth) if name or kind else "..."
        for name, kind in zip(signature.rest[::2], signature.rest[1::2])
    ]
    return f"({', '.join(shown) or 'void'})"


def _named(found: Type) -> str:
    if found.kind == "FWD":
        return f"{'union' if found.flag else 'struct'} {found.name}"
    if found.kind in _TAGGED:
        return f"{_TAGGED[found.kind]} {found.name or '{...}'}"
    return found.name
