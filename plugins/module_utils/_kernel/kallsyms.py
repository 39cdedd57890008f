# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Look up kernel symbols in /proc/kallsyms without parsing the whole file."""

from __future__ import annotations

import os
import typing as t

from .._probe.answer import Probe, unknown

__all__ = ["Kallsyms", "Symbol", "read_kallsyms"]

# Owners of symbols that the kernel's own lookup does not find: programs and trampolines created at run time.
_RUN_TIME_OWNERS = ("bpf", "__builtin__ftrace", "__builtin__kprobes")


class Symbol(t.NamedTuple):
    """A line of /proc/kallsyms.

    ``kind``: the letter that nm(1) prints. ``module``: empty for the kernel itself. ``address``: 0 where it is hidden.
    """

    address: int
    kind: str
    name: str
    module: str

    @property
    def is_code(self) -> bool:
        """Whether it is in a text section."""
        return self.kind in "tTwW"


class Kallsyms:
    """The text of /proc/kallsyms. A line is ``address kind name``, and ``[module]`` after a tab."""

    def __init__(self, data: bytes) -> None:
        self._data = b"\n" + data.rstrip(b"\n") + b"\n"
        self._by_stem: dict[str, list[Symbol]] = {}

    def named(self, name: str) -> list[Symbol]:
        """Return every symbol of exactly this name, code or data. Those of the kernel come before those of modules."""
        return [symbol for symbol in self._with_same_stem(name) if symbol.name == name]

    def variants(self, name: str) -> list[str]:
        """Return the names of functions that the compiler made from this one, such as ``name.isra.0``, each once."""
        beginning = f"{name}."
        found = [symbol for symbol in self._with_same_stem(name) if symbol.name.startswith(beginning)]
        return list(dict.fromkeys(symbol.name for symbol in found if symbol.is_code))

    def at(self, address: int) -> list[str]:
        """Return all names of an address. Empty where addresses are hidden."""
        if not address:
            return []
        return [symbol.name for symbol in self._lines(b"\n%016x " % address)]

    def has_module(self, name: str) -> bool:
        """Return whether a loaded module has symbols in the file."""
        return b"\t[%s]\n" % name.encode("utf-8", "replace") in self._data

    def _with_same_stem(self, name: str) -> list[Symbol]:
        """Return the symbols whose names begin with the part of ``name`` before its first dot, and cache them."""
        stem = name.partition(".")[0] or name
        if stem not in self._by_stem:
            found = self._lines(b" " + stem.encode("utf-8", "replace")) if stem else iter(())
            self._by_stem[stem] = list(found)
        return self._by_stem[stem]

    def _lines(self, part: bytes) -> t.Iterator[Symbol]:
        """Yield the symbols of the lines that contain these bytes."""
        at = self._data.find(part)
        while at >= 0:
            start = self._data.rfind(b"\n", 0, at + 1) + 1
            end = self._data.index(b"\n", at + 1)
            symbol = _symbol(self._data[start:end])
            if symbol is not None:
                yield symbol
            at = self._data.find(part, end)


def read_kallsyms(root: str) -> Kallsyms | Probe:
    """Read /proc/kallsyms, or return why it cannot be read. Without CAP_SYSLOG, addresses are hidden."""
    try:
        with open(os.path.join(root, "proc/kallsyms"), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return unknown("kernel", "no /proc/kallsyms: the kernel is built without CONFIG_KALLSYMS")
    except OSError as error:
        return unknown("capability", f"/proc/kallsyms: {error.strerror}. Run as root (become: true)")
    symbols = Kallsyms(data)
    if _symbol(data.partition(b"\n")[0]) is None:
        return unknown("kernel", "/proc/kallsyms has no valid line")
    return symbols


def _symbol(line: bytes) -> Symbol | None:
    """Parse one line. Return None for an invalid line and for a symbol that a probe cannot find by its name."""
    head, dummy, module = line.partition(b"\t")
    parts = head.split(b" ")
    if len(parts) != 3 or len(parts[1]) != 1:
        return None
    try:
        address = int(parts[0], 16)
    except ValueError:
        return None
    owner = module.strip(b"[] ").decode("utf-8", "replace")
    if owner in _RUN_TIME_OWNERS:
        return None
    return Symbol(address, parts[1].decode("ascii", "replace"), parts[2].decode("utf-8", "replace"), owner)
