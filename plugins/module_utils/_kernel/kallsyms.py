# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The kernel's symbols, looked up in /proc/kallsyms without taking all of it apart."""

from __future__ import annotations

import os
import typing as t

from .._probe.answer import Probe, unknown

__all__ = ["Kallsyms", "Symbol", "read_kallsyms"]

# What stands in the file without being known to the kernel's own search: programs and trampolines made at run time.
_MADE = ("bpf", "__builtin__ftrace", "__builtin__kprobes")


class Symbol(t.NamedTuple):
    """One line. ``kind``: as nm(1) tells it; ``module``: empty for the kernel itself; address 0: hidden."""

    address: int
    kind: str
    name: str
    module: str

    @property
    def is_code(self) -> bool:
        """Whether it lies in the text."""
        return self.kind in "tTwW"


class Kallsyms:
    """The text of /proc/kallsyms: lines ``address kind name``, and ``[module]`` after a tab."""

    def __init__(self, data: bytes) -> None:
        self._data = b"\n" + data.rstrip(b"\n") + b"\n"
        self._families: dict[str, list[Symbol]] = {}

    def named(self, name: str) -> list[Symbol]:
        """Every symbol of exactly this name, code or data, those of the kernel before those of modules."""
        return [symbol for symbol in self._family(name) if symbol.name == name]

    def variants(self, name: str) -> list[str]:
        """The functions that a compiler made of this one: ``name.isra.0``, ``name.cold`` …, each once."""
        beginning = f"{name}."
        found = [symbol for symbol in self._family(name) if symbol.name.startswith(beginning)]
        return list(dict.fromkeys(symbol.name for symbol in found if symbol.is_code))

    def at(self, address: int) -> list[str]:
        """All names of an address; none where addresses are hidden."""
        if not address:
            return []
        return [symbol.name for symbol in self._lines(b"\n%016x " % address)]

    def has_module(self, name: str) -> bool:
        """Whether a loaded module has symbols here."""
        return b"\t[%s]\n" % name.encode("utf-8", "replace") in self._data

    def _family(self, name: str) -> list[Symbol]:
        """The symbols whose names begin as this one does up to its first dot: found in one pass, and kept."""
        head = name.partition(".")[0] or name
        if head not in self._families:
            found = self._lines(b" " + head.encode("utf-8", "replace")) if head else iter(())
            self._families[head] = list(found)
        return self._families[head]

    def _lines(self, part: bytes) -> t.Iterator[Symbol]:
        """The lines in which these bytes stand."""
        at = self._data.find(part)
        while at >= 0:
            start = self._data.rfind(b"\n", 0, at + 1) + 1
            end = self._data.index(b"\n", at + 1)
            symbol = _symbol(self._data[start:end])
            if symbol is not None:
                yield symbol
            at = self._data.find(part, end)


def read_kallsyms(root: str) -> Kallsyms | Probe:
    """The symbols, or why they cannot be read. Those without CAP_SYSLOG may read names, but no addresses."""
    try:
        with open(os.path.join(root, "proc/kallsyms"), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return unknown("kernel", "there is no /proc/kallsyms: built without CONFIG_KALLSYMS")
    except OSError as error:
        return unknown("capability", f"/proc/kallsyms: {error.strerror}. Run as root (become: true)")
    symbols = Kallsyms(data)
    if _symbol(data.partition(b"\n")[0]) is None:
        return unknown("kernel", "/proc/kallsyms says nothing that can be read")
    return symbols


def _symbol(line: bytes) -> Symbol | None:
    """One line; None for what is none, or a symbol that no one can attach to by its name."""
    head, dummy, module = line.partition(b"\t")
    parts = head.split(b" ")
    if len(parts) != 3 or len(parts[1]) != 1:
        return None
    try:
        address = int(parts[0], 16)
    except ValueError:
        return None
    owner = module.strip(b"[] ").decode("utf-8", "replace")
    if owner in _MADE:
        return None
    return Symbol(address, parts[1].decode("ascii", "replace"), parts[2].decode("utf-8", "replace"), owner)
