# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copy the tree of a recorded kernel, with BTF and settings that the test chooses."""

from __future__ import annotations

import pathlib
import typing as t

from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.kallsyms import Kallsyms, read_kallsyms
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel_symbol.sources import KernelLists

from .._probe.stand_in import FIXTURES
from .btf_writer import with_functions

RECORDED = (
    *("proc/kallsyms", "sys/kernel/tracing/available_filter_functions", "sys/kernel/tracing/kprobe_events"),
    *("sys/kernel/debug/kprobes/blacklist", "sys/bus/event_source/devices/kprobe/type"),
    "proc/sys/kernel/osrelease",
)
# The recorded functions that the BTF of Debian 12 and 13 has. The types are simpler than the real ones.
FUNCTIONS: dict[str, t.Sequence[str]] = {
    "vfs_read": ["struct file *", "char *", "size_t", "size_t"],
    "pc_show": ["struct file *", "void *"],
    "watchdog": ["void *"],
    "do_trap": ["int"] * 7,
    "_printk": ["const char *", "..."],
    "migrate_disable": [],
    "do_sys_openat2": ["int", "const char *", "void *"],
    "__x64_sys_open": ["void *"],
    "__do_sys_fork": ["void *"],
    "native_sched_clock_from_tsc": ["size_t"],
    "finish_task_switch": ["void *"],
    "thirteen": ["int"] * 13,
}


def tree(target: pathlib.Path, kernel: str, **changes: str | None) -> str:
    """Copy a recorded kernel.

    :param changes: another text, or None to omit the file, by the end of its name
    """
    for path in RECORDED:
        change = next((end for end in changes if path.endswith(end)), "")
        text = changes[change] if change else (FIXTURES / kernel / path).read_text(encoding="utf-8")
        if text is not None:
            write(target, path, text)
    btf = target / "sys/kernel/btf/vmlinux"
    btf.parent.mkdir(parents=True)
    btf.write_bytes(with_functions(**FUNCTIONS))
    return str(target)


def write(target: pathlib.Path, path: str, text: str) -> None:
    (target / path).parent.mkdir(parents=True, exist_ok=True)
    (target / path).write_text(text, encoding="utf-8")


def lists(root: str) -> tuple[KernelLists, Kallsyms]:
    symbols = read_kallsyms(root)
    assert isinstance(symbols, Kallsyms)
    return KernelLists(root, symbols), symbols
