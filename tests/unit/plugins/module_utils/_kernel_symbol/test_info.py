# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pathlib
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.kallsyms import Kallsyms
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel_symbol import info
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel_symbol.info import (
    Wish,
    prefixed,
    read_symbols,
    wishes_of,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel_symbol.symbol import METHODS
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.answer import Probe, no, unknown, yes

from .._kernel.kernel_tree import tree
from .._probe.stand_in import ROOT, host

NOTHING = Wish(name="", alternatives=(), module="", methods=(), arguments=None)


def ask(root: str, name: str, *, attach: bool = False, **wish: t.Any) -> dict[str, t.Any]:
    machine = host({}, root=root, caller=ROOT)
    result = read_symbols(machine, [NOTHING._replace(name=name, **wish)], attach=attach)
    assert result["caller"]["uid"] == 0
    (found,) = result["symbols"]
    assert found["name"] == name
    return t.cast("dict[str, t.Any]", found)


def test_a_wish_that_comes_true(tmp_path: pathlib.Path) -> None:
    found = ask(tree(tmp_path, "6.12"), "vfs_read")
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


def test_the_first_alternative_that_all_methods_take(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12")
    names = ("pc_show", "do_sys_openat2", "vfs_read")
    found = ask(root, "do_sys_open_nonesuch", alternatives=names, methods=("kprobe_perf", "fentry"))
    assert found["chosen"] == found["described"] == "do_sys_openat2"
    assert found["verdict"]["reason"].startswith("do_sys_openat2 can be attached by kprobe_perf, fentry")
    assert [(one["name"], one["verdict"]["answer"]) for one in found["rejected"]] == [
        ("do_sys_open_nonesuch", "no"),
        ("pc_show", "no"),
    ]
    # Of several methods none of which was asked for, one is enough.
    assert ask(root, "do_sys_open_nonesuch", alternatives=names)["chosen"] == "pc_show"


def test_no_name_fulfils_it(tmp_path: pathlib.Path) -> None:
    found = ask(tree(tmp_path, "6.12"), "match_id", alternatives=("gone",), methods=("kprobe_perf",))
    assert found["chosen"] is None
    assert found["described"] == "match_id"
    assert found["candidates"] == ["match_id.isra.0"]
    assert found["kallsyms"] == {"count": 0, "type": None, "module": None, "address_hidden": None}
    assert (found["verdict"]["answer"], found["prototype"]) == ("no", None)
    assert "specialised by the compiler" in found["verdict"]["reason"]


def test_one_that_is_not_known_keeps_it_open(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12", blacklist=None)
    found = ask(root, "gone", alternatives=("vfs_read",), methods=("kprobe_perf",))
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
    "other types": (("struct file *", "void *", "size_t", "size_t"), "no", "arguments moved: wanted (struct"),
    "none": ((), "no", "arguments moved: wanted ()"),
}


@pytest.mark.parametrize(("arguments", "answer", "words"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments(tmp_path: pathlib.Path, arguments: int | tuple[str, ...], answer: str, words: str) -> None:
    found = ask(tree(tmp_path, "6.12"), "vfs_read", arguments=arguments)
    assert found["verdict"]["answer"] == answer
    assert words in found["verdict"]["reason"]
    assert (found["chosen"] == "vfs_read") == (answer == "yes")


def test_spaces_between_words_matter() -> None:
    assert info._plain("unsigned int") != info._plain("unsignedint")
    assert info._plain("const  char*") == info._plain("const char *")


def test_arguments_that_nothing_tells(tmp_path: pathlib.Path) -> None:
    found = ask(tree(tmp_path, "6.12"), "match_id.isra.0", arguments=2)
    assert found["verdict"]["answer"] == "unknown"
    assert "its arguments are not known" in found["verdict"]["reason"]
    missing = ask(tree(tmp_path / "other", "6.12"), "gone", arguments=2)
    assert "not in /proc/kallsyms" in missing["verdict"]["reason"]


def test_moved_arguments_go_to_the_next_name(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12")
    found = ask(root, "vfs_read", alternatives=("do_sys_openat2",), arguments=3)
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
def test_entries_of_system_calls_where_they_are(name: str) -> None:
    assert prefixed(name, Kallsyms(b"ffffffff81000000 T __x64_sys_open\n")) == CALLS[name]


def test_the_entry_of_a_system_call_is_offered(tmp_path: pathlib.Path) -> None:
    text = "ffffffff81000000 T __x64_sys_open\n"
    root = tree(tmp_path, "6.12", kallsyms=text, available_filter_functions="__x64_sys_open\n")
    found = ask(root, "do_sys_open", methods=("fentry",))
    assert found["chosen"] == "__x64_sys_open"
    assert "struct pt_regs" in found["verdict"]["reason"]
    three = ask(root, "do_sys_open", methods=("fentry",), arguments=3)
    assert three["chosen"] is None
    assert three["candidates"] == ["__x64_sys_open"]


NOTES = {
    "calibrate_delay.cold": "piece cut off a function",
    "match_id.isra.0": "a copy specialised by the compiler",
    "pc_show": "2 symbols have this name",
    "nmi_handle": "can be attached by kprobe_multi",
}


@pytest.mark.parametrize("name", NOTES)
def test_what_a_person_must_know_besides(tmp_path: pathlib.Path, name: str) -> None:
    found = ask(tree(tmp_path, "6.12"), name)
    assert found["chosen"] == name
    assert NOTES[name] in found["verdict"]["reason"]


def test_a_copy_beside_the_function(tmp_path: pathlib.Path) -> None:
    text = "ffffffff81000000 T both\nffffffff81000010 t both.isra.0\nffffffff81000020 t both.cold\n"
    root = tree(tmp_path, "6.12", kallsyms=text, available_filter_functions="both\nboth.isra.0\n")
    assert "sent to both.isra.0 are missed" in ask(root, "both")["verdict"]["reason"]


def test_without_symbols(tmp_path: pathlib.Path) -> None:
    found = ask(str(tmp_path), "vfs_read")
    assert found["verdict"]["answer"] == "unknown"
    assert set(found) == set(ask(tree(tmp_path / "whole", "6.12"), "vfs_read"))
    assert list(found["methods"]) == list(METHODS)


TRIED = {
    "the kernel refuses": ("vfs_read", no("kernel", "EBUSY at attach"), "no", None),
    "the kernel takes it": ("pc_show", yes("kernel", "attached"), "yes", "pc_show"),
    "the kernel does not tell": ("vfs_read", unknown("kernel", "ENOMEM"), "yes", "vfs_read"),
}


@pytest.mark.parametrize("case", TRIED)
def test_what_the_kernel_answers_counts_more(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    name, told, answer, chosen = TRIED[case]
    tried: list[str] = []

    def stand_in(method: str, sight: object, **options: t.Any) -> Probe:
        tried.append(method)
        return told

    monkeypatch.setattr(info, "try_attach", stand_in)
    found = ask(tree(tmp_path, "6.12"), name, attach=True, methods=("kprobe_perf",))
    assert tried == ["kprobe_perf"]
    assert found["attached"] == {"kprobe_perf": told.report()}
    assert (found["verdict"]["answer"], found["chosen"]) == (answer, chosen)


ENTRY: dict[str, t.Any] = {"name": "vfs_read", "alternatives": [], "module": "", "methods": [], "args": None}


def test_a_wish() -> None:
    entry = {
        **ENTRY,
        "alternatives": ["a.isra.0", "_b$c"],
        "module": "ext4",
        "methods": ["fentry"],
        "args": 3,
    }
    (wish,) = wishes_of([entry])
    assert wish == ("vfs_read", ("a.isra.0", "_b$c"), "ext4", ("fentry",), 3)


GIVEN = [(None, None), (0, 0), (3, 3), ("3", 3), ([], ()), (["int", "char *"], ("int", "char *"))]


@pytest.mark.parametrize(("given", "arguments"), GIVEN)
def test_args_as_they_are_given(given: object, arguments: object) -> None:
    assert wishes_of([{**ENTRY, "args": given}])[0].arguments == arguments


@pytest.mark.parametrize("given", [-1, "three", 1.5, True, {"a": 1}, ["int", 4], "", "²"])
def test_arguments_that_are_none(given: object) -> None:
    with pytest.raises(HostError, match="args as a number, or a list of types"):
        wishes_of([{**ENTRY, "args": given}])


@pytest.mark.parametrize("name", ["", "a b", "a\nr:b", "mod:name", "vfs_read+0x10", "name()", "ä", "*"])
def test_names_that_are_none(name: str) -> None:
    for entry in ({**ENTRY, "name": name}, {**ENTRY, "alternatives": [name]}):
        with pytest.raises(HostError, match="a name as in /proc/kallsyms"):
            wishes_of([entry])
