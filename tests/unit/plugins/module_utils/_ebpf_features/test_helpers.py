# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import pathlib
import struct

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.bpf import Bpf, Loaded
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf_features.helpers import (
    HELPERS,
    LOUD,
    judge_helper,
    probe_helpers,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.caller import Caller
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .._probe.stand_in import NOBODY, ROOT
from .stand_in_ebpf import EPERM, Kernel, recorded, write


@pytest.mark.parametrize(
    ("kernel", "kind", "name", "answer"),
    [
        ("6.1", "kprobe", "bpf_probe_read_kernel", "yes"),
        ("6.1", "kprobe", "bpf_ktime_get_ns", "yes"),
        ("6.1", "kprobe", "bpf_sk_lookup_tcp", "no"),
        ("6.1", "xdp", "bpf_cgrp_storage_get", "no"),
        ("6.12", "kprobe", "bpf_probe_read_kernel", "yes"),
        ("6.12", "kprobe", "bpf_ktime_get_ns", "yes"),
        ("6.12", "kprobe", "bpf_sk_lookup_tcp", "no"),
        ("6.12", "xdp", "bpf_cgrp_storage_get", "yes"),
    ],
)
def test_recorded_logs_are_judged(kernel: str, kind: str, name: str, answer: str) -> None:
    probe = judge_helper(recorded(kernel, f"call {kind} {name}"), Kernel().layers(), kind, name)
    assert probe is not None
    assert (probe.answer, probe.decided_by) == (answer, "kernel")


def test_without_a_log_there_is_no_answer() -> None:
    assert judge_helper(Loaded(EPERM, ""), Kernel().layers(), "kprobe", "bpf_loop") is None


@pytest.mark.parametrize(
    ("lockdown", "kind", "name", "caller", "decided_by"),
    [
        ("none [integrity] confidentiality", "kprobe", "bpf_probe_write_user", ROOT, "lockdown"),
        ("none [integrity] confidentiality", "xdp", "bpf_probe_write_user", ROOT, "kernel"),
        ("none [integrity] confidentiality", "kprobe", "bpf_probe_read_kernel", ROOT, "kernel"),
        ("none integrity [confidentiality]", "xdp", "bpf_probe_read_kernel", ROOT, "lockdown"),
        ("none integrity [confidentiality]", "kprobe", "bpf_probe_read_user", ROOT, "kernel"),
        ("[none] integrity confidentiality", "kprobe", "bpf_probe_write_user", NOBODY, "capability"),
        ("[none] integrity confidentiality", "kprobe", "bpf_probe_write_user", ROOT, "kernel"),
    ],
)
def test_the_layer_that_refuses_a_helper_is_found(
    *, tmp_path: pathlib.Path, lockdown: str, kind: str, name: str, caller: Caller, decided_by: str
) -> None:
    write(tmp_path, "sys/kernel/security/lockdown", f"{lockdown}\n")
    loaded = Loaded(Outcome(-1, errno.EINVAL), f"0: (85) call {name}#1\nunknown func {name}#1\n")
    probe = judge_helper(loaded, Kernel().layers(root=tmp_path, caller=caller), kind, name)
    assert probe is not None
    assert (probe.answer, probe.decided_by) == ("no", decided_by)


class Verifier(Kernel):
    """A verifier that knows helpers up to a number, and allows odd numbers in kprobes only."""

    def __init__(self, known: int) -> None:
        super().__init__(PROG_LOAD=self.load)
        self.known = known
        self.asked: list[tuple[int, int]] = []

    def load(self, attr: bytearray) -> Outcome:
        (kind,) = struct.unpack_from("=I", attr)
        (helper,) = struct.unpack_from("=i", self.buffer(attr, 8), 4)
        self.asked.append((kind, helper))
        assert len(self.buffer(attr, 8)) == 24, "a call and two instructions that no verifier accepts"
        log = "R9 !read_ok"
        if helper > self.known:
            log = f"invalid func unknown#{helper}"
        elif helper % 2 and kind != 2:
            log = f"program of this type cannot use helper x#{helper}"
        self.log(attr, log)
        return Outcome(-1, errno.EACCES)


def test_every_helper_is_probed_in_every_type() -> None:
    kernel = Verifier(known=100)
    types = ("kprobe", "xdp", "tracing", "lsm")
    found = probe_helpers(Bpf(kernel.host()), kernel.layers(), types=types, targets={"tracing": 79})
    yes = {kind: sum(probe.answer == "yes" for probe in answers.values()) for kind, answers in found.items()}
    assert yes == {"kprobe": 98, "xdp": 48, "tracing": 48, "lsm": 0}
    assert set(found["kprobe"]) == set(HELPERS[1:]) - set(LOUD)
    assert found["lsm"] == {}, "nothing in the kernel's BTF to load it for"
    absent = [helper for kind, helper in kernel.asked if helper > 100]
    assert len(absent) == len(HELPERS) - 101 - 1, "a helper that the kernel lacks is probed once"


def test_loud_helpers_are_probed_only_on_request() -> None:
    kernel = Verifier(known=211)
    found = probe_helpers(Bpf(kernel.host()), kernel.layers(), types=("kprobe",), targets={}, loud=True)
    assert set(found["kprobe"]) == set(HELPERS[1:])


def test_a_type_that_cannot_be_loaded_has_no_answers() -> None:
    kernel = Kernel(PROG_LOAD=EPERM)
    layers = kernel.layers(caller=NOBODY)
    assert probe_helpers(Bpf(kernel.host()), layers, types=("kprobe",), targets={}) == {"kprobe": {}}
    assert kernel.made.count("PROG_LOAD") == 1
