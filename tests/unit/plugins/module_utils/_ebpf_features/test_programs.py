# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import struct

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.abi import PROGRAM_TYPES
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.bpf import Bpf, Loaded
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.programs import (
    PROGRAMS,
    have_program_type,
    judge_load,
    probe_programs,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.caller import CAP_BPF, Caller
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .._probe.stand_in import NOBODY, ROOT
from .stand_in_ebpf import EPERM, KILLED, Kernel, recorded, with_capabilities


def test_every_type_of_the_kernel_is_in_the_table() -> None:
    assert tuple(PROGRAMS) == PROGRAM_TYPES[1:]


def test_every_program_is_loaded_and_closed() -> None:
    kernel = Kernel()
    answers = probe_programs(Bpf(kernel.host()), kernel.layers())
    assert {verdict.probe.answer for verdict in answers.values()} == {"yes"}
    assert kernel.made.count("PROG_LOAD") == len(PROGRAMS)
    assert kernel.left_open() == []


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
@pytest.mark.parametrize("name", ["tracing", "ext", "lsm", "struct_ops"])
def test_a_refusal_of_an_invalid_target_is_yes(kernel: str, name: str) -> None:
    verdict = judge_load(recorded(kernel, f"load {name}"), layers=Kernel().layers(), name=name)
    assert (verdict.probe.answer, verdict.probe.decided_by) == ("yes", "kernel")


@pytest.mark.parametrize(
    ("kernel", "name"), [("6.1", "lirc_mode2"), ("6.1", "netfilter"), ("6.12", "lirc_mode2")]
)
def test_a_missing_type_is_no(kernel: str, name: str) -> None:
    verdict = judge_load(recorded(kernel, f"load {name}"), layers=Kernel().layers(), name=name)
    assert (verdict.probe.answer, verdict.probe.decided_by) == ("no", "kernel")
    assert f"since Linux {PROGRAMS[name].since}" in verdict.probe.reason


@pytest.mark.parametrize(
    ("name", "caller", "lacking"),
    [
        ("kprobe", NOBODY, ("CAP_BPF", "CAP_PERFMON")),
        ("kprobe", with_capabilities(CAP_BPF), ("CAP_PERFMON",)),
        ("sched_cls", with_capabilities(CAP_BPF), ("CAP_NET_ADMIN",)),
        ("sk_lookup", NOBODY, ("CAP_BPF",)),
        ("ext", NOBODY, ("CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN")),
    ],
)
def test_a_missing_capability_is_named(name: str, caller: Caller, lacking: tuple[str, ...]) -> None:
    verdict = judge_load(Loaded(EPERM, ""), layers=Kernel().layers(caller=caller), name=name)
    assert (verdict.probe.decided_by, verdict.lacking) == ("capability", lacking)


@pytest.mark.parametrize(
    ("loaded", "answer", "decided_by"),
    [
        (Loaded(KILLED, ""), "no", "seccomp"),
        (Loaded(Outcome(-1, errno.ENOMEM), ""), "unknown", "kernel"),
        (Loaded(Outcome(-1, errno.EACCES), "R0 !read_ok\n"), "unknown", "kernel"),
        (Loaded(Outcome(-1, errno.EINVAL), ""), "no", "kernel"),
    ],
)
def test_other_outcomes_are_judged(loaded: Loaded, answer: str, decided_by: str) -> None:
    verdict = judge_load(loaded, layers=Kernel().layers(caller=ROOT), name="tracing")
    assert (verdict.probe.answer, verdict.probe.decided_by) == (answer, decided_by)


def test_each_program_type_gets_its_attributes() -> None:
    seen = {}

    def load(attr: bytearray) -> Outcome:
        kind, expected = struct.unpack_from("=I", attr)[0], struct.unpack_from("=I", attr, 68)[0]
        seen[PROGRAM_TYPES[kind]] = (expected, struct.unpack_from("=I", attr, 44)[0], attr[108])
        return EPERM

    kernel = Kernel(PROG_LOAD=load)
    probe_programs(Bpf(kernel.host()), kernel.layers())
    assert seen["kprobe"] == (0, 0, 0)
    assert seen["syscall"] == (0, 16, 0)
    assert seen["tracing"] == (24, 0, 1)
    assert seen["cgroup_sock_addr"] == (10, 0, 0)
    assert seen["sk_lookup"] == (36, 0, 0)
    assert seen["netfilter"] == (45, 0, 0)


def test_nothing_is_tried_under_a_filter() -> None:
    kernel = Kernel(unknown=KILLED)
    layers = kernel.layers(caller=ROOT._replace(seccomp=2))
    verdict = have_program_type(Bpf(kernel.host()), layers, "kprobe")
    assert (verdict.probe.decided_by, "PROG_LOAD" in kernel.made) == ("seccomp", False)
