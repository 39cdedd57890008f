# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import pathlib
import struct

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.abi import MAP_TYPES
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.bpf import Bpf
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.maps import (
    MAPS,
    have_map_type,
    judge_map,
    probe_maps,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.btf import Btf
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.caller import CAP_BPF, Caller
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .._probe.stand_in import NOBODY, ROOT
from .stand_in_ebpf import EINVAL, EPERM, KILLED, Kernel, with_capabilities, write


def test_every_type_of_the_kernel_is_in_the_table() -> None:
    assert tuple(MAPS) == MAP_TYPES[1:]


def test_every_map_is_created_and_closed() -> None:
    kernel = Kernel()
    answers = probe_maps(Bpf(kernel.host()), kernel.layers())
    assert {verdict.probe.answer for verdict in answers.values()} == {"yes"}
    assert kernel.made.count("BTF_LOAD") == 4
    assert kernel.left_open() == []


def test_each_map_type_gets_its_attributes() -> None:
    seen = {}
    blobs = []

    def create(attr: bytearray) -> Outcome:
        kind, key, value, entries, flags, inner = struct.unpack_from("=6I", attr)
        seen[MAP_TYPES[kind]] = (key, value, entries, flags, bool(inner), struct.unpack_from("=5I", attr, 44))
        return Outcome(-1, errno.EINVAL) if kind != 1 else kernel._answer("descriptor", attr, None)

    def load_btf(attr: bytearray) -> Outcome:
        blobs.append(bytes(kernel.buffer(attr, 0)))
        return kernel._answer("descriptor", attr, None)

    kernel = Kernel(MAP_CREATE=create, BTF_LOAD=load_btf)
    probe_maps(Bpf(kernel.host()), kernel.layers())
    nothing = (0, 0, 0, 0, 0)
    assert seen["queue"] == (0, 4, 1, 0, False, nothing)
    assert seen["cgroup_storage"] == (16, 8, 0, 0, False, nothing)
    assert seen["array_of_maps"] == (4, 4, 1, 0, True, nothing)
    assert seen["arena"] == (0, 0, 1, 1024, False, nothing)
    assert seen["struct_ops"][5] == (0, 0, 0, 0, 1)
    assert seen["task_storage"][:4] == (4, 4, 0, 1)
    assert seen["task_storage"][5][2:] == (1, 1, 0)
    assert seen["ringbuf"][2] % 4096 == 0
    assert Btf(blobs[0]).type(1)[:4] == ("INT", "int", False, 4)
    assert kernel.left_open() == []


@pytest.mark.parametrize(
    ("name", "outcome", "caller", "answer", "decided_by"),
    [
        ("struct_ops", Outcome(-1, 524), ROOT, "yes", "kernel"),
        ("arena", EINVAL, ROOT, "no", "kernel"),
        ("arena", Outcome(-1, errno.EOPNOTSUPP), ROOT, "no", "kernel"),
        ("hash", EPERM, NOBODY, "no", "sysctl"),
        ("lru_hash", EPERM, NOBODY, "no", "capability"),
        ("xskmap", EPERM, with_capabilities(CAP_BPF), "no", "capability"),
        ("hash", EPERM, ROOT, "no", "kernel"),
        ("hash", KILLED, ROOT, "no", "seccomp"),
        ("hash", Outcome(-1, errno.ENOMEM), ROOT, "unknown", "kernel"),
    ],
)
def test_a_refusal_is_judged(
    *, tmp_path: pathlib.Path, name: str, outcome: Outcome, caller: Caller, answer: str, decided_by: str
) -> None:
    write(tmp_path, "proc/sys/kernel/unprivileged_bpf_disabled", "2\n")
    layers = Kernel().layers(root=tmp_path, caller=caller)
    probe = judge_map(outcome, layers=layers, name=name).probe
    assert (probe.answer, probe.decided_by) == (answer, decided_by), probe.reason


@pytest.mark.parametrize("name", ["hash_of_maps", "sk_storage"])
def test_a_refusal_of_btf_or_an_inner_map_is_judged(name: str) -> None:
    kernel = Kernel(MAP_CREATE=EPERM, BTF_LOAD=EPERM)
    verdict = have_map_type(Bpf(kernel.host()), kernel.layers(caller=NOBODY), name)
    assert (verdict.probe.decided_by, verdict.lacking) == ("capability", ("CAP_BPF",))


def test_nothing_is_tried_under_a_filter() -> None:
    kernel = Kernel(unknown=KILLED)
    layers = kernel.layers(caller=ROOT._replace(seccomp=2))
    assert have_map_type(Bpf(kernel.host()), layers, "hash").probe.decided_by == "seccomp"
    assert "MAP_CREATE" not in kernel.made
