# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Functions of the running kernel of every kind that attaching knows: python3 pick_symbols.py, prints JSON.

Needs root and Python's standard library alone, and shares no code with what is tested by it.
"""

from __future__ import annotations

import collections
import json
import typing as t

EACH = 2  # of every kind


def lines(path: str) -> list[list[str]]:
    with open(path, encoding="utf-8") as file:
        return [line.split() for line in file]


def kinds() -> dict[str, list[str]]:
    symbols = [line for line in lines("/proc/kallsyms") if line[-1] not in ("[bpf]", "[__builtin__ftrace]")]
    ftrace = collections.Counter(line[0] for line in lines("/sys/kernel/tracing/available_filter_functions"))
    forbidden = {line[1] for line in lines("/sys/kernel/debug/kprobes/blacklist")}
    count = collections.Counter(line[2] for line in symbols)
    code = [line for line in symbols if line[1] in "tTwW"]
    functions = collections.Counter(line[2] for line in code)
    names = collections.defaultdict(list)
    for line in code:
        names[line[0]].append(line[2])
    init = [int(line[0], 16) for line in symbols if line[2] in ("_sinittext", "_einittext")]
    boot = {line[2] for line in code if init[0] < int(line[0], 16) < init[1]}
    single = [line[2] for line in code if count[line[2]] == 1 and len(line) == 3 and line[2] not in boot]
    plain = [name for name in single if "." not in name and not name.startswith(("__pfx_", "__cfi_"))]

    def head(name: str) -> str:
        return name.partition(".")[0]

    def copies(part: str) -> t.Iterator[str]:
        return (name for name in single if name.count(".") == 2 and part in name and ftrace[name] == 1)

    found: dict[str, t.Iterable[str]] = {
        "normal": ["vfs_read", "tcp_sendmsg", "do_sys_openat2"],
        "missing": ["do_sys_open_nonesuch"],
        "base of a copy": (head(name) for name in copies(".isra.") if not count[head(name)]),
        "ambiguous": (
            name for name, many in count.items() if many > 1 and ftrace[name] == functions[name] == many
        ),
        "ambiguous with data": (
            name for name, many in count.items() if many == 2 and functions[name] == 1 == ftrace[name]
        ),
        "blacklisted": (name for name in plain if name in forbidden and not ftrace[name]),
        "blacklisted, traceable": (name for name in plain if name in forbidden and ftrace[name]),
        "copy": (name for name in copies(".isra.") if head(name) not in forbidden),
        "constprop": (name for name in copies(".constprop.") if head(name) not in forbidden),
        "part": (name for name in copies(".part.") if head(name) not in forbidden),
        "part of a blacklisted": (name for name in copies(".part.") if head(name) in forbidden),
        "cold": (
            name
            for name in single
            if name.endswith(".cold")
            and name.count(".") == 1
            and ftrace[head(name)] == count[head(name)] == 1
            and head(name) not in forbidden
        ),
        "cold of a copy": (
            name
            for name in single
            if name.endswith(".cold") and name.count(".") > 1 and not count[head(name)]
        ),
        "notrace": (
            name
            for name in plain
            if not ftrace[name]
            and name not in forbidden
            and not any(map(ftrace.get, names_of(name, code, names)))
        ),
        "init": (name for name in sorted(boot) if count[name] == 1 and "." not in name),
        "alias": (
            name
            for same in names.values()
            if len(same) == 3 and sum(map(bool, map(ftrace.get, same))) == 1
            for name in same
            if not ftrace[name] and count[name] == 1
        ),
        "module": (
            line[2] for line in code[::-37] if len(line) == 4 and ftrace[line[2]] == count[line[2]] == 1
        ),
        "data": (line[2] for line in symbols if line[1] in "dDrR" and count[line[2]] == 1),
        "variadic": (name for name in ("_printk", "seq_printf") if ftrace[name] == 1),
        "denied": (name for name in ("migrate_disable", "migrate_enable") if ftrace[name] == 1),
        "seven arguments": (
            name for name in ("ip_make_skb", "ip6_append_data", "inet_sk_diag_fill") if ftrace[name] == 1
        ),
    }
    return {kind: [name for name, dummy in zip(picked, range(EACH))] for kind, picked in found.items()}


_ADDRESS: dict[str, str] = {}


def names_of(name: str, code: list[list[str]], names: dict[str, list[str]]) -> list[str]:
    """All names of the address of a function."""
    if not _ADDRESS:
        _ADDRESS.update((line[2], line[0]) for line in code)
    return names[_ADDRESS[name]]


if __name__ == "__main__":
    print(json.dumps({kind: picked for kind, picked in kinds().items() if picked}))
