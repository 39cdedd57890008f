# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import re

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel_symbol.symbol import (
    METHODS,
    is_partial,
    look_up,
    predict,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.answer import Probe

from .._kernel.kernel_tree import lists, tree, write
from .._probe.stand_in import FIXTURES

# The results of a real attach on Debian 12 (6.1) and Debian 13 (6.12), in the order of METHODS: y, n, or - where the
# lists do not decide. The column fentry is for the types of kernel_tree, not for those of Debian.
TRUTH = {
    "vfs_read": ("yyny", "yyyy"),
    "do_sys_open_nonesuch": ("nnnn", "nnnn"),
    "pc_show": ("nnny", "nnyy"),  # two with this name, both traceable
    "watchdog": ("nnn-", "nny-"),  # a function and a variable
    "do_trap": ("nnn-", "nnyy"),  # blacklisted, but ftrace can trace it; seven arguments
    "asm_exc_double_fault": ("nnnn", "nnnn"),  # blacklisted and not traceable
    "match_id": ("nnnn", "nnnn"),
    "match_id.isra.0": ("yynn", "yyyn"),
    "calibrate_delay.cold": ("yynn", "yynn"),  # a part of a traceable function
    "get_fixed_ranges.constprop.0.cold": ("nnnn", "nnnn"),  # a part of a function that exists only as a copy
    "nmi_handle.part.0": ("nnnn", "nnyn"),  # a part of a blacklisted function
    "debug_kernel": ("nnnn", "nnnn"),  # freed after the boot
    "native_sched_clock_from_tsc": ("nnnn", "nnnn"),  # notrace
    "__do_sys_fork": ("yyny", "yyyy"),
    "__ia32_sys_fork": ("yynn", "yyyn"),  # another name of the same address
    "linux_proc_banner": ("nnnn", "nnnn"),  # data
    "_printk": ("yynn", "yyyn"),  # a variable argument list
    "migrate_disable": ("yynn", "yyyn"),
    "show_vpd_pg83": ("yynn", "yyyn"),  # of a module, whose types are not recorded
}


def answers(root: str, name: str, *, module: str = "") -> dict[str, Probe]:
    kernel, symbols = lists(root)
    lookup = look_up(kernel, symbols, name, module=module)
    return {method: predict(method, lookup, kernel) for method in METHODS}


@pytest.mark.parametrize("name", TRUTH)
@pytest.mark.parametrize(("column", "kernel"), [(0, "6.1"), (1, "6.12")])
def test_the_lists_predict_what_the_kernel_did(
    tmp_path: pathlib.Path, column: int, kernel: str, name: str
) -> None:
    found = answers(tree(tmp_path, kernel), name)
    assert (
        "".join("-" if one.answer == "unknown" else one.answer[0] for one in found.values())
        == TRUTH[name][column]
    )
    assert all(one.reason for one in found.values())


REASONS = {
    "do_sys_open_nonesuch": ("kprobe_perf", "not in /proc/kallsyms"),
    "match_id": ("kprobe_multi", "specialised by the compiler as match_id.isra.0"),
    "get_fixed_ranges": ("fentry", "specialised by the compiler as get_fixed_ranges.constprop.0$"),
    "pc_show": ("kprobe_tracefs", "EADDRNOTAVAIL: 2 symbols"),
    "asm_exc_double_fault": ("kprobe_perf", "blacklist"),
    "debug_kernel": ("kprobe_perf", "__init"),
    "native_sched_clock_from_tsc": ("kprobe_perf", "notrace"),
    "linux_proc_banner": ("fentry", r"is data \(kind [DdRr]\)"),
    "_printk": ("fentry", "variable argument list"),
    "migrate_disable": ("fentry", "around tracing programs"),
}


@pytest.mark.parametrize("name", REASONS)
def test_reasons_name_the_obstacle(tmp_path: pathlib.Path, name: str) -> None:
    method, words = REASONS[name]
    assert re.search(words, answers(tree(tmp_path, "6.12"), name)[method].reason)


def test_only_parts_remain_of_an_inlined_function(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12", kallsyms="ffffffff81000000 t gone.cold\nffffffff81000010 t gone.part.0\n")
    assert (
        "is inlined; only parts that the compiler split off remain"
        in answers(root, "gone")["kprobe_perf"].reason
    )
    assert is_partial("gone.cold")
    assert is_partial("gone.isra.0.cold")
    assert not is_partial("gone.isra.0")


def test_an_unreadable_list_makes_the_answer_unknown(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12", available_filter_functions=None, blacklist=None)
    found = answers(root, "vfs_read")
    assert {one.answer for one in found.values()} == {"unknown"}
    assert "available_filter_functions" in found["fentry"].reason


def test_without_the_blacklist_only_kprobes_are_unknown(tmp_path: pathlib.Path) -> None:
    found = answers(tree(tmp_path, "6.12", blacklist=None), "vfs_read")
    assert {method: one.answer for method, one in found.items()} == {
        "kprobe_perf": "unknown",
        "kprobe_tracefs": "unknown",
        "kprobe_multi": "yes",
        "fentry": "yes",
    }
    assert "sys-kernel-debug.mount" in found["kprobe_perf"].reason


def test_hidden_addresses_make_some_answers_unknown(tmp_path: pathlib.Path) -> None:
    text = (FIXTURES / "6.12/proc/kallsyms").read_text(encoding="utf-8")
    root = tree(tmp_path, "6.12", kallsyms=re.sub("^[0-9a-f]{16}", "0" * 16, text, flags=re.MULTILINE))
    assert answers(root, "vfs_read")["kprobe_perf"].answer == "yes"
    # Listed by another name, which only the address could show.
    listed = answers(root, "__ia32_sys_fork")["kprobe_multi"]
    assert (listed.answer, listed.decided_by) == ("unknown", "sysctl")
    kernel, symbols = lists(root)
    assert look_up(kernel, symbols, "vfs_read").hidden is True


def test_lockdown_refuses_kprobes(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12")
    write(tmp_path, "sys/kernel/security/lockdown", "none integrity [confidentiality]\n")
    found = answers(root, "vfs_read")
    assert (found["kprobe_perf"].answer, found["kprobe_perf"].decided_by) == ("no", "lockdown")


def test_an_older_kernel_may_take_the_first_of_several(tmp_path: pathlib.Path) -> None:
    text = (FIXTURES / "6.1/proc/kallsyms").read_text(encoding="utf-8").replace("count_symbols", "other")
    found = answers(tree(tmp_path, "6.1", kallsyms=text), "pc_show")
    assert found["kprobe_perf"].answer == "unknown"
    assert "take the first" in found["kprobe_perf"].reason


def test_an_older_kernel_may_take_notrace_functions(tmp_path: pathlib.Path) -> None:
    text = (
        (FIXTURES / "6.1/proc/kallsyms").read_text(encoding="utf-8").replace("within_notrace_func", "other")
    )
    found = answers(tree(tmp_path, "6.1", kallsyms=text), "native_sched_clock_from_tsc")
    assert found["kprobe_perf"].answer == "unknown"


MODULES = {
    "the right one": ("show_vpd_pg83", "scsi_mod", "yes", "traceable"),
    "another": ("show_vpd_pg83", "ext4", "no", "not in the module ext4, but in scsi_mod"),
    "the kernel": ("show_vpd_pg83", "vmlinux", "no", "but in scsi_mod"),
    "not loaded": ("xfs_sync", "xfs", "no", "modprobe xfs"),
    "of the kernel": ("vfs_read", "vmlinux", "yes", "traceable"),
}


@pytest.mark.parametrize(("name", "module", "answer", "words"), MODULES.values(), ids=MODULES)
def test_the_module_is_checked(
    tmp_path: pathlib.Path, name: str, module: str, answer: str, words: str
) -> None:
    found = answers(tree(tmp_path, "6.12"), name, module=module)["kprobe_multi"]
    assert found.answer == answer
    assert words in found.reason


def test_a_name_in_the_kernel_and_in_a_module_is_ambiguous(tmp_path: pathlib.Path) -> None:
    text = (FIXTURES / "6.12/proc/kallsyms").read_text(encoding="utf-8")
    names = (FIXTURES / "6.12/sys/kernel/tracing/available_filter_functions").read_text(encoding="utf-8")
    root = tree(
        tmp_path,
        "6.12",
        kallsyms=f"{text}ffffffffc0990000 t vfs_read\t[mine]\n",
        available_filter_functions=f"{names}vfs_read [mine]\n",
    )
    found = answers(root, "vfs_read", module="mine")
    assert found["kprobe_perf"].answer == "no"
    assert found["kprobe_multi"].answer == "unknown"


def test_kprobe_multi_in_modules_is_unknown_before_6_2(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12", osrelease="5.19.0\n")
    assert answers(root, "show_vpd_pg83")["kprobe_multi"].answer == "unknown"


def test_too_many_arguments_are_an_obstacle(tmp_path: pathlib.Path) -> None:
    text = "ffffffff81000000 t thirteen\n"
    found = answers(
        tree(tmp_path, "6.12", kallsyms=text, available_filter_functions="thirteen\n"), "thirteen"
    )
    assert "13 arguments" in found["fentry"].reason
