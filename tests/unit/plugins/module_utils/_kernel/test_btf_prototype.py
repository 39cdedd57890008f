# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.btf import Btf, BtfError
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.btf_prototype import (
    declaration,
    prototype,
)

from .btf_writer import BtfWriter, kernel, with_functions


def test_a_prototype_is_read() -> None:
    writer, types = kernel()
    number = writer.function("vfs_read", types["int"], file=types["struct file *"], size=types["size_t"])
    found = prototype(Btf(writer.bytes()), number)
    assert found.report() == {
        "returns": "int",
        "arguments": [{"name": "file", "type": "struct file *"}, {"name": "size", "type": "size_t"}],
    }
    assert not found.variadic


def test_a_variable_argument_list_is_read() -> None:
    btf = Btf(with_functions(_printk=["const char *", "..."]))
    found = prototype(btf, btf.function_id("_printk") or 0)
    assert found.variadic
    assert found.arguments[-1] == ("", "...")


def _declared(build: str) -> str:
    writer, types = kernel()
    number = BUILD[build](writer, types)
    return declaration(Btf(writer.bytes()), number)


def pointer(writer: BtfWriter, target: int) -> int:
    return writer.add("PTR", "", target)


BUILD = {
    "void": lambda w, ty: 0,
    "const char *": lambda w, ty: ty["const char *"],
    "char **": lambda w, ty: pointer(w, ty["char *"]),
    "const char *const *": lambda w, ty: pointer(w, w.add("CONST", "", ty["const char *"])),
    "char *restrict": lambda w, ty: w.add("RESTRICT", "", ty["char *"]),
    "volatile const char *": lambda w, ty: pointer(w, w.add("VOLATILE", "", ty["const char"])),
    "void (*)(int)": lambda w, ty: pointer(w, w.add("FUNC_PROTO", "", 0, 0, ty["int"], members=1)),
    "int (*)(void)": lambda w, ty: pointer(w, w.add("FUNC_PROTO", "", ty["int"])),
    "int [3]": lambda w, ty: w.add("ARRAY", "", 0, ty["int"], ty["long"], 3),
    "int (*)[3]": lambda w, ty: pointer(w, w.add("ARRAY", "", 0, ty["int"], ty["long"], 3)),
    "enum pid_type": lambda w, ty: w.add("ENUM", "pid_type", 4),
    "enum big": lambda w, ty: w.add("ENUM64", "big", 8, w.name("one"), 1, 0, members=1),
    "union sigval": lambda w, ty: w.add("UNION", "sigval", 8),
    "struct unseen": lambda w, ty: w.add("FWD", "unseen", 0),
    "union unseen": lambda w, ty: w.add("FWD", "unseen", 0, flag=True),
    "struct {...}": lambda w, ty: w.add("STRUCT", "", 8),
    "char *": lambda w, ty: pointer(w, w.add("TYPE_TAG", "user", ty["char"])),
    "float": lambda w, ty: w.add("FLOAT", "float", 4),
}


@pytest.mark.parametrize("shown", BUILD)
def test_types_are_written_as_in_c(shown: str) -> None:
    text = _declared(shown)
    assert text.replace(" [", "[") == shown.replace(" [", "[")


def test_a_type_that_is_not_a_function_is_an_error() -> None:
    writer, types = kernel()
    with pytest.raises(BtfError, match="not a function"):
        prototype(Btf(writer.bytes()), types["int"])


def test_an_argument_of_an_unknown_type_is_an_error() -> None:
    writer, types = kernel()
    number = writer.function("broken", types["int"], argument=9999)
    with pytest.raises(BtfError, match="type 9999"):
        prototype(Btf(writer.bytes()), number)


@pytest.mark.parametrize("kind", ["CONST", "PTR", "TYPEDEF", "TYPE_TAG", "VOLATILE"])
def test_a_type_that_refers_to_itself_is_an_error(kind: str) -> None:
    writer, types = kernel()
    itself = len(writer.types) + 1
    writer.add(kind, "loop" if kind == "TYPEDEF" else "", itself)
    number = writer.function("broken", types["int"], argument=itself)
    btf = Btf(writer.bytes())
    if kind == "TYPEDEF":  # a typedef is written by its name and not followed
        assert prototype(btf, number).arguments[0].type == "loop"
        return
    with pytest.raises(BtfError, match="refers to itself"):
        prototype(btf, number)


def test_types_that_refer_to_each_other_are_an_error() -> None:
    writer, types = kernel()
    array = len(writer.types) + 1
    writer.add("ARRAY", "", 0, array + 1, types["int"], 2)
    writer.add("FUNC_PROTO", "", types["int"], 0, array, members=1)
    with pytest.raises(BtfError, match="refers to itself"):
        declaration(Btf(writer.bytes()), array)
