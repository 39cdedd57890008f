# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Parse the build information that Go's linker writes into every program: Go version, modules and build settings.

Source: debug/buildinfo and runtime/debug of Go. The build information starts with a header of 32 bytes, at an address
that is a multiple of 16, in the section .go.buildinfo or somewhere in the first writable segment. The header has 14
bytes of magic, the size of a pointer, and flags. Since Go 1.18 two strings follow, each after its length: the version
and the modules. Before, the header has pointers to two Go strings.
"""

from __future__ import annotations

import re
import struct
import typing as t

from .._elf.file import PT_LOAD, Elf, FormatError, at_address

__all__ = ["BuildInfo", "Module", "parse_modules", "read_build_info", "unquote"]

_MAGIC = b"\xff Go buildinf:"
_ALIGN = 16
_HEADER_SIZE = 32
_FLAG_BIG_ENDIAN = 1
_FLAG_INLINE = 2
_SENTINEL = 16  # bytes before and after the modules, by which they can be found in the memory of a process
_MAX_VERSION = 1024
_MAX_MODULES = 1 << 22  # bytes; two hundred dependencies take 20 KiB
_CHUNK = 1 << 20
_PF_X = 1
_PF_W = 2

_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`')
_MUST_QUOTE = re.compile(r'[ \t\r"`]')
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))"
)
_LETTERS = dict(zip('abfnrtv\\"', '\a\b\f\n\r\t\v\\"'))


class Module(t.NamedTuple):
    """A module of the build, see debug.Module."""

    path: str
    version: str
    sum: str  # as in go.sum
    replace: Module | None = None  # by a replace directive


class BuildInfo(t.NamedTuple):
    """The build information of a program, see debug.BuildInfo."""

    go_version: str
    package: str  # path of the main package
    main: Module | None  # None for a program that was built without a module
    deps: tuple[Module, ...]
    settings: dict[str, str]


def read_build_info(elf: Elf, *, at_most: int) -> BuildInfo | None:
    """Read the build information of a program, or None if it was not built by Go, or by Go before 1.13.

    :param at_most: bytes to search for the header if there is no section .go.buildinfo
    :raises FormatError: built by Go, but the build information cannot be read
    """
    section = elf.section(".go.buildinfo")
    start, size = _area(elf)
    address = _search(elf, start, min(size, at_most))
    if address is None:
        if section is not None:
            raise FormatError("its section .go.buildinfo does not have the magic bytes of Go's linker")
        return None
    head = at_address(elf, address, _HEADER_SIZE)
    if len(head) < _HEADER_SIZE:
        raise FormatError("it ends within the header of its build information")
    if head[15] & _FLAG_INLINE:
        version, following = _inline_text(elf, address + _HEADER_SIZE, _MAX_VERSION)
        modules, dummy = _inline_text(elf, following, _MAX_MODULES)
    else:
        version, modules = _pointed_texts(elf, head)
    if not version:
        raise FormatError("its build information has no version of Go")
    # Modules between sentinels end with a line break. Anything else is not a list of modules.
    framed = len(modules) > 2 * _SENTINEL and modules[-_SENTINEL - 1 : -_SENTINEL] == b"\n"
    text = modules[_SENTINEL:-_SENTINEL].decode("utf-8", "replace") if framed else ""
    return parse_modules(text, go_version=version.decode("utf-8", "replace"))


def parse_modules(text: str, *, go_version: str) -> BuildInfo:
    """Parse the lines path, mod, dep, => and build, whose columns are separated by tabs. Other lines are skipped.

    :raises FormatError: a module or a setting cannot be read
    """
    package = ""
    main: Module | None = None
    deps: list[Module] = []
    settings: dict[str, str] = {}
    last = ""
    for line in text.split("\n"):
        kind, dummy, rest = line.partition("\t")
        if kind == "path":
            package = rest
        elif kind == "mod":
            main = _module(rest)
        elif kind == "dep":
            deps.append(_module(rest))
        elif kind == "=>":
            # The module of the line before is replaced.
            if last == "dep":
                deps[-1] = deps[-1]._replace(replace=_module(rest))
            elif last == "mod" and main is not None:
                main = main._replace(replace=_module(rest))
            else:
                raise FormatError("its build information replaces a module that it does not name")
        elif kind == "build":
            key, value = _setting(rest)
            settings[key] = value
        last = kind
    return BuildInfo(go_version, package, main, tuple(deps), settings)


def _area(elf: Elf) -> tuple[int, int]:
    """Address and size of the memory in which the header is."""
    section = elf.section(".go.buildinfo")
    if section is not None:
        return section.address, section.size
    for part in elf.segments:
        if part.kind == PT_LOAD and part.flags & (_PF_X | _PF_W) == _PF_W:
            return part.address, part.file_size
    return 0, 0


def _search(elf: Elf, start: int, size: int) -> int | None:
    """The first multiple of 16 with the magic at it. Chunks start at multiples of 16 too, so no match is missed."""
    end = start + size
    start = (start + _ALIGN - 1) // _ALIGN * _ALIGN
    while start < end:
        data = at_address(elf, start, min(_CHUNK, end - start))
        at = data.find(_MAGIC)
        while at >= 0:
            if at % _ALIGN == 0:
                return start + at
            at = data.find(_MAGIC, at + 1)
        if not data:
            return None
        start += _CHUNK
    return None


def _inline_text(elf: Elf, address: int, at_most: int) -> tuple[bytes, int]:
    """A string after its length, and the address after it.

    The length is a varint, with 7 bits a byte and the lowest bits first.
    """
    size = 0
    used = 0
    for byte in at_address(elf, address, 10):
        size |= (byte & 0x7F) << (7 * used)
        used += 1
        if byte < 0x80:
            break
    else:
        raise FormatError("a length in its build information cannot be read")
    return _text(elf, address + used, size, at_most), address + used + size


def _pointed_texts(elf: Elf, head: bytes) -> tuple[bytes, bytes]:
    size = head[14]
    if size not in (4, 8):
        raise FormatError(f"its build information has pointers of {size} bytes")
    form = (">" if head[15] & _FLAG_BIG_ENDIAN else "<") + ("2I" if size == 4 else "2Q")
    texts = []
    for pointer, at_most in zip(struct.unpack(form, head[16 : 16 + 2 * size]), (_MAX_VERSION, _MAX_MODULES)):
        pair = at_address(elf, pointer, 2 * size) if pointer else b""
        address, length = struct.unpack(form, pair) if len(pair) == 2 * size else (0, 0)
        texts.append(_text(elf, address, length, at_most))
    return texts[0], texts[1]


def _text(elf: Elf, address: int, size: int, at_most: int) -> bytes:
    if size > at_most:
        raise FormatError(f"its build information has a text of {size} bytes")
    text = at_address(elf, address, size)
    if len(text) < size:
        raise FormatError("it ends within its build information")
    return text


def _module(columns: str) -> Module:
    path, *rest = columns.split("\t")
    if not 1 <= len(rest) <= 2:
        raise FormatError(f"its build information has a module of {len(rest) + 1} columns")
    return Module(path, rest[0], rest[1] if len(rest) == 2 else "")


def _setting(text: str) -> tuple[str, str]:
    """Parse ``key=value``, where both may be quoted."""
    quoted = _QUOTED.match(text)
    key = unquote(quoted.group()) if quoted else text.partition("=")[0]
    rest = text[quoted.end() :] if quoted else text[len(key) :]
    if not key or not rest.startswith("=") or (quoted is None and _MUST_QUOTE.search(key)):
        raise FormatError("its build information has a setting without key or value")
    value = rest[1:]
    return key, unquote(value) if value[:1] in ('"', "`") else value


def unquote(text: str) -> str:
    """The value of a Go string literal, in double quotes or backquotes.

    :raises FormatError: not a string literal
    """
    if _QUOTED.fullmatch(text) is None:
        raise FormatError("its build information has quotes that do not match")
    if text[0] == "`":
        return text[1:-1].replace("\r", "")
    out = b""
    at = 1
    while at < len(text) - 1:
        if text[at] != "\\":
            upto = text.find("\\", at, len(text) - 1)
            upto = len(text) - 1 if upto < 0 else upto
            out += text[at:upto].encode("utf-8", "replace")
            at = upto
            continue
        found = _ESCAPE.match(text, at)
        if found is None:
            raise FormatError("its build information has an escape that Go does not know")
        out += _escaped(found)
        at = found.end()
    return out.decode("utf-8", "replace")


def _escaped(found: t.Match[str]) -> bytes:
    letter, byte, short, long, octal = found.groups()
    if letter:
        return _LETTERS[letter].encode()
    number = int(octal, 8) if octal else int(byte or short or long, 16)
    if byte or octal:
        return bytes([number & 0xFF])
    try:
        return chr(number).encode("utf-8")
    except (ValueError, OverflowError):  # a surrogate, or beyond Unicode
        raise FormatError("its build information has a character that does not exist")
