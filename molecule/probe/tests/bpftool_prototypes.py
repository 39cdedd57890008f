# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prototypes of the kernel's functions as bpftool reads them: python3 bpftool_prototypes.py NAME..., prints JSON.

Needs root, bpftool and Python's standard library, and shares no code with what is tested by it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import typing as t

# The raw form: [7] PTR '(anon)' type_id=6, and a tab before members.
TYPE = re.compile(r"\[(\d+)\] (\w+) '(.*?)'(.*)")
MEMBER = re.compile(r"\t'(.*?)' type_id=(\d+)$")
PREFIX = {"STRUCT": "struct ", "UNION": "union ", "ENUM": "enum ", "ENUM64": "enum ", "FWD": "struct "}


class Type(t.NamedTuple):
    kind: str
    name: str
    rest: str
    members: t.List[t.Tuple[str, int]]

    def refers_to(self, key: str = " type_id") -> int:
        found = re.search(rf"{key}=(\d+)", self.rest)
        return int(found[1]) if found else 0


def read(lines: t.Iterable[str]) -> dict[int, Type]:
    types = {0: Type("VOID", "void", "", [])}
    last = types[0]
    for line in lines:
        if line.startswith("["):
            head = TYPE.match(line)
            if head:
                last = types[int(head[1])] = Type(head[2], head[3], head[4], [])
        elif last.kind == "FUNC_PROTO":
            member = MEMBER.match(line)
            if member:
                last.members.append((member[1], int(member[2])))
    return types


def written(types: dict[int, Type], number: int) -> str:
    """A type as C writes it, without those of functions and arrays."""
    one = types[number]
    if one.kind == "PTR":
        return f"{written(types, one.refers_to())}*"
    if one.kind in ("CONST", "VOLATILE", "RESTRICT"):
        inner, word = written(types, one.refers_to()), one.kind.lower()
        return f"{inner}{word}" if inner.endswith("*") else f"{word} {inner}"
    if one.kind == "TYPE_TAG":
        return written(types, one.refers_to())
    return f"{PREFIX.get(one.kind, '')}{one.name}"


def main(names: list[str]) -> None:
    argv = ["bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "raw"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, encoding="utf-8") as bpftool:
        types = read(bpftool.stdout or [])
    found = {}
    for one in types.values():
        if one.kind == "FUNC" and one.name in names:
            proto = types[one.refers_to()]
            arguments = [[name, written(types, kind)] for name, kind in proto.members]
            found[one.name] = [written(types, proto.refers_to("ret_type_id")), arguments]
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
