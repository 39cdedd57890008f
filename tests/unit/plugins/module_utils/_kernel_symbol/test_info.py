# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.kallsyms import Kallsyms
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel_symbol import info
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel_symbol.info import (
    SymbolRequest,
    read_requests,
    read_symbols,
    syscall_entries,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel_symbol.symbol import METHODS
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.answer import Probe, no, unknown, yes

from .._kernel.kernel_tree import tree
from .._probe.stand_in import ROOT, host

NOTHING = SymbolRequest(name="", alternatives=(), module="", methods=(), arguments=None)


def query(root: str, name: str, *, attach: bool = False, **request: t.Any) -> dict[str, t.Any]:
    machine = host({}, root=root, caller=ROOT)
    result = read_symbols(machine, [NOTHING._replace(name=name, **request)], attach=attach)
    assert result["caller"]["uid"] == 0
    (found,) = result["symbols"]
    assert found["name"] == name
    return t.cast("dict[str, t.Any]", found)


def test_a_symbol_that_meets_the_request_is_chosen(tmp_path: pathlib.Path) -> None:
    found = query(tree(tmp_path, "6.12"), "vfs_read")
    assert found["chosen"] == found["described"] == "vfs_read"
    assert found["verdict"] == {
        "answer": "yes",
        "decided_by": "kernel",
        "reason": "can be attached by kprobe_perf, kprobe_tracefs, kprobe_multi, fentry",
    }
    assert list(found["methods"]) == list(METHODS)
    assert found["kallsyms"] == {"count": 1, "type": "T", "module": None, "address_hidden": False}
    assert (found["filterable"], found["blacklisted"], found["attached"]) == (True, False, None)
    assert found["rejected"] == []
    assert [argument["type"] for argument in found["prototype"]["arguments"]] == [
        *("struct file *", "char *", "size_t", "size_t")
    ]


def test_the_first_alternative_with_all_methods_is_chosen(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12")
    names = ("pc_show", "do_sys_openat2", "vfs_read")
    found = query(root, "do_sys_open_nonesuch", alternatives=names, methods=("kprobe_perf", "fentry"))
    assert found["chosen"] == found["described"] == "do_sys_openat2"
    assert found["verdict"]["reason"].startswith("do_sys_openat2 can be attached by kprobe_perf, fentry")
    assert [(one["name"], one["verdict"]["answer"]) for one in found["rejected"]] == [
        ("do_sys_open_nonesuch", "no"),
        ("pc_show", "no"),
    ]
    # Where no method is requested, one is enough.
    assert query(root, "do_sys_open_nonesuch", alternatives=names)["chosen"] == "pc_show"


def test_no_name_is_chosen_where_none_meets_the_request(tmp_path: pathlib.Path) -> None:
    found = query(tree(tmp_path, "6.12"), "match_id", alternatives=("gone",), methods=("kprobe_perf",))
    assert found["chosen"] is None
    assert found["described"] == "match_id"
    assert found["candidates"] == ["match_id.isra.0"]
    assert found["kallsyms"] == {"count": 0, "type": None, "module": None, "address_hidden": None}
    assert (found["verdict"]["answer"], found["prototype"]) == ("no", None)
    assert "specialised by the compiler" in found["verdict"]["reason"]


def test_one_unknown_name_makes_the_verdict_unknown(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12", blacklist=None)
    found = query(root, "gone", alternatives=("vfs_read",), methods=("kprobe_perf",))
    assert found["chosen"] is None
    assert found["verdict"]["answer"] == "unknown"
    assert "sys-kernel-debug.mount" in found["verdict"]["reason"]


ARGUMENTS = {
    "the number": (4, "yes", "can be attached"),
    "the types, however written": (
        ("struct file*", "char *", "size_t", " size_t "),
        "yes",
        "can be attached",
    ),
    "another number": (3, "no", "arguments moved: wanted 3, this kernel has (struct file * a0, char * a1"),
    "other types": (
        ("struct file *", "void *", "size_t", "size_t"),
        "no",
        "arguments moved: wanted (struct",
    ),
    "none": ((), "no", "arguments moved: wanted ()"),
}


@pytest.mark.parametrize(("arguments", "answer", "words"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments_are_compared(
    tmp_path: pathlib.Path, arguments: int | tuple[str, ...], answer: str, words: str
) -> None:
    found = query(tree(tmp_path, "6.12"), "vfs_read", arguments=arguments)
    assert found["verdict"]["answer"] == answer
    assert words in found["verdict"]["reason"]
    assert (found["chosen"] == "vfs_read") == (answer == "yes")


def test_spaces_between_words_matter() -> None:
    assert info._normalize_type("unsigned int") != info._normalize_type("unsignedint")
    assert info._normalize_type("const  char*") == info._normalize_type("const char *")


def test_unknown_arguments_make_the_verdict_unknown(tmp_path: pathlib.Path) -> None:
    found = query(tree(tmp_path, "6.12"), "match_id.isra.0", arguments=2)
    assert found["verdict"]["answer"] == "unknown"
    assert "its arguments are not known" in found["verdict"]["reason"]
    missing = query(tree(tmp_path / "other", "6.12"), "gone", arguments=2)
    assert "not in /proc/kallsyms" in missing["verdict"]["reason"]


def test_a_name_with_other_arguments_is_rejected(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12")
    found = query(root, "vfs_read", alternatives=("do_sys_openat2",), arguments=3)
    assert found["chosen"] == "do_sys_openat2"
    assert "arguments moved" in found["rejected"][0]["verdict"]["reason"]


CALLS = {
    "sys_open": ["__x64_sys_open"],
    "do_sys_open": ["__x64_sys_open"],
    "ksys_open": ["__x64_sys_open"],
    "sys_nonesuch": [],
    "vfs_open": [],
    "sys_": [],
}


@pytest.mark.parametrize("name", CALLS)
def test_entries_of_system_calls_are_found(name: str) -> None:
    assert syscall_entries(name, Kallsyms(b"ffffffff81000000 T __x64_sys_open\n")) == CALLS[name]


def test_the_entry_of_a_system_call_is_tried(tmp_path: pathlib.Path) -> None:
    text = "ffffffff81000000 T __x64_sys_open\n"
    root = tree(tmp_path, "6.12", kallsyms=text, available_filter_functions="__x64_sys_open\n")
    found = query(root, "do_sys_open", methods=("fentry",))
    assert found["chosen"] == "__x64_sys_open"
    assert "struct pt_regs" in found["verdict"]["reason"]
    three = query(root, "do_sys_open", methods=("fentry",), arguments=3)
    assert three["chosen"] is None
    assert three["candidates"] == ["__x64_sys_open"]


NOTES = {
    "calibrate_delay.cold": "part that the compiler split off a function",
    "match_id.isra.0": "a copy specialised by the compiler",
    "pc_show": "2 symbols have this name",
    "nmi_handle": "can be attached by kprobe_multi",
}


@pytest.mark.parametrize("name", NOTES)
def test_the_reason_has_notes(tmp_path: pathlib.Path, name: str) -> None:
    found = query(tree(tmp_path, "6.12"), name)
    assert found["chosen"] == name
    assert NOTES[name] in found["verdict"]["reason"]


def test_calls_to_a_copy_are_noted(tmp_path: pathlib.Path) -> None:
    text = "ffffffff81000000 T both\nffffffff81000010 t both.isra.0\nffffffff81000020 t both.cold\n"
    root = tree(tmp_path, "6.12", kallsyms=text, available_filter_functions="both\nboth.isra.0\n")
    assert (
        "a probe misses the calls that the compiler redirected to both.isra.0"
        in query(root, "both")["verdict"]["reason"]
    )


def test_missing_kallsyms_make_the_verdict_unknown(tmp_path: pathlib.Path) -> None:
    found = query(str(tmp_path), "vfs_read")
    assert found["verdict"]["answer"] == "unknown"
    assert set(found) == set(query(tree(tmp_path / "whole", "6.12"), "vfs_read"))
    assert list(found["methods"]) == list(METHODS)


TRIED = {
    "the kernel refuses": ("vfs_read", no("kernel", "EBUSY at attach"), "no", None),
    "the kernel accepts it": ("pc_show", yes("kernel", "attached"), "yes", "pc_show"),
    "the answer of the kernel is unknown": ("vfs_read", unknown("kernel", "ENOMEM"), "yes", "vfs_read"),
}


@pytest.mark.parametrize("case", TRIED)
def test_the_answer_of_the_kernel_overrides_the_lists(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    name, reported, answer, chosen = TRIED[case]
    tried: list[str] = []

    def stand_in(method: str, lookup: object, **options: t.Any) -> Probe:
        tried.append(method)
        return reported

    monkeypatch.setattr(info, "try_attach", stand_in)
    found = query(tree(tmp_path, "6.12"), name, attach=True, methods=("kprobe_perf",))
    assert tried == ["kprobe_perf"]
    assert found["attached"] == {"kprobe_perf": reported.report()}
    assert (found["verdict"]["answer"], found["chosen"]) == (answer, chosen)


ENTRY: dict[str, t.Any] = {"name": "vfs_read", "alternatives": [], "module": "", "methods": [], "args": None}


def test_a_request_is_read() -> None:
    entry = {
        **ENTRY,
        "alternatives": ["a.isra.0", "_b$c"],
        "module": "ext4",
        "methods": ["fentry"],
        "args": 3,
    }
    (request,) = read_requests([entry])
    assert request == ("vfs_read", ("a.isra.0", "_b$c"), "ext4", ("fentry",), 3)


GIVEN = [(None, None), (0, 0), (3, 3), ("3", 3), ([], ()), (["int", "char *"], ("int", "char *"))]


@pytest.mark.parametrize(("given", "arguments"), GIVEN)
def test_args_are_read(given: object, arguments: object) -> None:
    assert read_requests([{**ENTRY, "args": given}])[0].arguments == arguments


@pytest.mark.parametrize("given", [-1, "three", 1.5, True, {"a": 1}, ["int", 4], "", "²"])
def test_invalid_args_are_refused(given: object) -> None:
    with pytest.raises(HostError, match="args as a number, or a list of types"):
        read_requests([{**ENTRY, "args": given}])


@pytest.mark.parametrize("name", ["", "a b", "a\nr:b", "mod:name", "vfs_read+0x10", "name()", "ä", "*"])
def test_invalid_names_are_refused(name: str) -> None:
    for entry in ({**ENTRY, "name": name}, {**ENTRY, "alternatives": [name]}):
        with pytest.raises(HostError, match="a name as in /proc/kallsyms"):
            read_requests([entry])
