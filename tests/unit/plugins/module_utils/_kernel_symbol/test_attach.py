# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import pathlib
import struct
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.abi import COMMANDS
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.attach import Attempt
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel_symbol import attach as symbol_attach
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel_symbol.attach import (
    judge_attempt,
    try_attach,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel_symbol.symbol import look_up
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.answer import Probe
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.caller import Caller
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.host import Host
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Argument, Outcome

from .._kernel.btf_writer import BtfWriter, kernel
from .._kernel.kernel_tree import lists, tree, write
from .._probe.stand_in import NOBODY, ROOT, host

NAMES = {number: name for name, number in COMMANDS.items()}


def failed(step: str, number: int, log: str = "") -> Attempt:
    return Attempt(step, Outcome(-1, number), log)


CASES: dict[str, tuple[Attempt, Caller, str, str, str]] = {
    "attached": (Attempt("attach", Outcome(0, 0)), ROOT, "yes", "kernel", "detached again"),
    "no such symbol": (failed("open", errno.ENOENT), ROOT, "no", "kernel", "ENOENT at open"),
    "ambiguous": (failed("open", errno.EADDRNOTAVAIL), ROOT, "no", "kernel", "EADDRNOTAVAIL at open"),
    "unknown to ftrace": (failed("attach", errno.ESRCH), ROOT, "no", "kernel", "ESRCH at attach"),
    "no trampoline": (failed("attach", 524), ROOT, "no", "kernel", "ENOTSUPP at attach"),
    "the verifier": (
        failed("load", errno.EINVAL, "func migrate_disable is denied\nmore\n"),
        *(ROOT, "no", "kernel", "EINVAL at load: func migrate_disable is denied"),
    ),
    "memory": (failed("attach", errno.ENOMEM), ROOT, "unknown", "kernel", "try again"),
    "descriptors": (failed("open", errno.EMFILE), ROOT, "unknown", "kernel", "try again"),
    "a filter": (Attempt("load", Outcome(-1, 0, killed=True)), NOBODY, "no", "seccomp", "SIGSYS"),
    "no capability": (failed("load", errno.EPERM), NOBODY, "no", "capability", "CAP_BPF and CAP_PERFMON"),
    "perf_event_paranoid": (failed("open", errno.EACCES), NOBODY, "no", "sysctl", "perf_event_paranoid is 3"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_outcome_is_judged(tmp_path: pathlib.Path, case: str) -> None:
    attempt, caller, answer, layer, words = CASES[case]
    root = tree(tmp_path, "6.12")
    write(tmp_path, "proc/sys/kernel/perf_event_paranoid", "3\n")
    found = judge_attempt(
        attempt, "kprobe_perf", host=host({}, root=root, caller=caller), lists=lists(root)[0]
    )
    assert (found.answer, found.decided_by) == (answer, layer)
    assert words in found.reason


def test_a_missing_source_is_reported(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12", kprobe_events=None, available_filter_functions=None)
    attempt = failed("source", errno.ENOENT)
    found = judge_attempt(
        attempt, "kprobe_tracefs", host=host({}, root=root, caller=ROOT), lists=lists(root)[0]
    )
    assert found.answer == "unknown"
    assert "sys-kernel-tracing.mount" in found.reason


def test_lockdown_refuses(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12")
    write(tmp_path, "sys/kernel/security/lockdown", "none integrity [confidentiality]\n")
    attempt = failed("open", errno.EPERM)
    found = judge_attempt(attempt, "kprobe_perf", host=host({}, root=root, caller=ROOT), lists=lists(root)[0])
    assert found.decided_by == "lockdown"


def attach(root: str, machine: Host, method: str, name: str) -> Probe:
    kernel_lists, symbols = lists(root)
    return try_attach(method, look_up(kernel_lists, symbols, name), host=machine, lists=kernel_lists)


@pytest.mark.parametrize("method", ["kprobe_perf", "kprobe_tracefs", "kprobe_multi"])
def test_the_function_is_attached_by_name(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    attached: list[str] = []

    def stand_in(bpf: object, machine: Host, symbol: str) -> Attempt:
        attached.append(symbol)
        return Attempt("attach", Outcome(0, 0))

    monkeypatch.setitem(symbol_attach._BY_NAME, method, stand_in)
    root = tree(tmp_path, "6.12")
    assert attach(root, host({}, root=root, caller=ROOT), method, "vfs_read").answer == "yes"
    assert attached == ["vfs_read"]


class Kernel:
    """A kernel with BTF objects by number. Its descriptors are real, so that a test sees which stay open."""

    def __init__(self, modules: dict[int, str], refuse: dict[str, int] | None = None) -> None:
        self.modules = modules
        self.refuse = refuse or {}
        self.opened: dict[int, int] = {}
        self.loaded: list[tuple[int, int]] = []
        self.buffers: dict[int, bytearray] = {}

    def __call__(self, number: int, *arguments: Argument) -> Outcome:
        command, attr = arguments[0], arguments[1]
        assert isinstance(command, int)
        assert isinstance(attr, bytearray)
        name = NAMES[command]
        if name in self.refuse:
            return Outcome(-1, self.refuse[name])
        if name == "BTF_GET_NEXT_ID":
            (last,) = struct.unpack_from("=I", attr)
            following = min((one for one in self.modules if one > last), default=0)
            struct.pack_into("=I", attr, 4, following)
            return Outcome(0, 0) if following else Outcome(-1, errno.ENOENT)
        if name == "OBJ_GET_INFO_BY_FD":
            return self.write_info(attr)
        descriptor = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        self.opened[descriptor] = struct.unpack_from("=I", attr)[0]
        if name == "PROG_LOAD":
            number_, btf = struct.unpack_from("=II", attr, 108)
            self.loaded.append((number_, self.opened.get(btf, 0)))
        return Outcome(descriptor, 0)

    def write_info(self, attr: bytearray) -> Outcome:
        descriptor, dummy, pointer = struct.unpack_from("=IIQ", attr)
        (name,) = struct.unpack_from("=Q", self.buffers[pointer], 16)
        text = self.modules[self.opened[descriptor]].encode()
        self.buffers[name][: len(text)] = text
        return Outcome(0, 0)

    def in_child(self, number: int, *arguments: Argument, uid: int | None = None) -> Outcome:
        return self(number, *arguments)

    def address_of(self, buffer: t.Any) -> int:
        self.buffers[id(buffer)] = buffer
        return id(buffer)


def module_tree(target: pathlib.Path) -> tuple[str, int]:
    root = tree(target, "6.12")
    base, types = kernel()
    split = BtfWriter(base=base)
    number = split.function("show_vpd_pg83", types["int"], dev=types["void *"])
    (target / "sys/kernel/btf/vmlinux").write_bytes(base.bytes())
    (target / "sys/kernel/btf/scsi_mod").write_bytes(split.bytes())
    return root, number


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_fentry_of_a_module_uses_its_btf(tmp_path: pathlib.Path) -> None:
    root, number = module_tree(tmp_path)
    machine = Kernel({1: "vmlinux", 7: "libata", 9: "scsi_mod", 11: "ext4"})
    before = descriptors()
    found = attach(root, Host(root, "x86_64", machine, ROOT), "fentry", "show_vpd_pg83")
    assert found.answer == "yes", found
    assert machine.loaded == [(number, 9)]
    assert descriptors() == before


REFUSED = {
    "no object of the module": ({1: "vmlinux"}, {}, "ENOENT at find"),
    "ids are refused": ({9: "scsi_mod"}, {"BTF_GET_NEXT_ID": errno.EPERM}, "EPERM"),
    "no information about it": ({9: "scsi_mod"}, {"OBJ_GET_INFO_BY_FD": errno.EINVAL}, "ENOENT at find"),
    "not loaded": ({9: "scsi_mod"}, {"PROG_LOAD": errno.EINVAL}, "EINVAL at load"),
    "not attached": ({9: "scsi_mod"}, {"RAW_TRACEPOINT_OPEN": errno.EBUSY}, "EBUSY at attach"),
}


@pytest.mark.parametrize(("modules", "refuse", "words"), REFUSED.values(), ids=REFUSED)
def test_a_refused_fentry_of_a_module_is_judged(
    tmp_path: pathlib.Path, modules: dict[int, str], refuse: dict[str, int], words: str
) -> None:
    root = module_tree(tmp_path)[0]
    before = descriptors()
    machine = Host(root, "x86_64", Kernel(modules, refuse), NOBODY)
    found = attach(root, machine, "fentry", "show_vpd_pg83")
    assert found.answer == "no"
    assert words in found.reason
    assert descriptors() == before


def test_fentry_of_the_kernel_uses_its_btf(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12")
    machine = Kernel({1: "vmlinux"})
    assert attach(root, Host(root, "x86_64", machine, ROOT), "fentry", "vfs_read").answer == "yes"
    assert [btf for number, btf in machine.loaded] == [0]


def test_fentry_of_a_function_without_btf_is_no(tmp_path: pathlib.Path) -> None:
    root = tree(tmp_path, "6.12")
    machine = Host(root, "x86_64", Kernel({}), ROOT)
    assert "ENOENT" in attach(root, machine, "fentry", "match_id.isra.0").reason
    (tmp_path / "sys/kernel/btf/vmlinux").unlink()
    assert "/sys/kernel/btf/vmlinux" in attach(root, machine, "fentry", "vfs_read").reason
