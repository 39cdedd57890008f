# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
import struct

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.bpf import (
    Bpf,
    exit_with,
    instruction,
    opened,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .._ebpf_features.stand_in_ebpf import EINVAL, EPERM, KILLED, Kernel


def test_instructions_are_encoded() -> None:
    assert exit_with(2).hex() == "b7000000020000009500000000000000"
    assert exit_with(-1).hex() == "b7000000ffffffff9500000000000000"
    assert instruction(0xBF, dst=1, src=9, off=-8, imm=3).hex() == "bf91f8ff03000000"


def test_a_descriptor_is_always_closed() -> None:
    descriptor = os.open(os.devnull, os.O_RDONLY)
    with pytest.raises(KeyError):
        for fd in opened(Outcome(descriptor, 0)):
            raise KeyError(fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    assert [list(opened(outcome)) for outcome in (EPERM, KILLED)] == [[], []]


def test_load_writes_the_attr() -> None:
    seen = []
    kernel = Kernel()

    def load(attr: bytearray) -> Outcome:
        seen.append((bytes(attr), bytes(kernel.buffer(attr, 8)), bytes(kernel.buffer(attr, 16))))
        kernel.log(attr, "R9 !read_ok\n")
        return Outcome(-1, errno.EACCES)

    kernel.answers["PROG_LOAD"] = load
    loaded = Bpf(kernel.host()).load(
        26, exit_with(0), name="x" * 20, flags=16, expected_attach_type=24, attach_btf_id=79769, log_size=256
    )
    assert loaded == (Outcome(-1, errno.EACCES), "R9 !read_ok\n")
    attr, code, license_ = seen[0]
    assert struct.unpack_from("=II", attr, 0) == (26, 2)
    assert struct.unpack_from("=II", attr, 24) == (1, 256)
    assert struct.unpack_from("=II", attr, 40) == (0, 16)
    assert attr[48:64] == b"x" * 15 + b"\0"
    assert (struct.unpack_from("=I", attr, 68), struct.unpack_from("=I", attr, 108)) == ((24,), (79769,))
    assert (code, license_, len(attr)) == (exit_with(0), b"GPL\0", 144)


def test_load_works_without_a_log() -> None:
    seen = []

    def load(attr: bytearray) -> Outcome:
        seen.append(struct.unpack_from("=IIQ", attr, 24))
        return EPERM

    assert Bpf(Kernel(PROG_LOAD=load).host()).load(2, exit_with(0), log_level=0) == (EPERM, "")
    assert seen == [(0, 0, 0)]


def test_maps_and_btf_are_created() -> None:
    seen = []

    def keep(attr: bytearray) -> Outcome:
        seen.append(bytes(attr))
        return EINVAL

    bpf = Bpf(Kernel(MAP_CREATE=keep, BTF_LOAD=keep).host())
    bpf.create_map(12, key_size=4, value_size=8, max_entries=1, flags=2, inner=7, name="m", rest=b"\1\0\0\0")
    bpf.load_btf(b"12345")
    assert struct.unpack_from("=IIIIIII16sI", seen[0]) == (12, 4, 8, 1, 2, 7, 0, b"m" + b"\0" * 15, 1)
    assert struct.unpack_from("=QI", seen[1], 8) == (0, 5)


def test_ids_end_with_enoent_or_a_refusal() -> None:
    def following(attr: bytearray) -> Outcome:
        (last,) = struct.unpack_from("=I", attr)
        struct.pack_into("=I", attr, 4, last + 3)
        return Outcome(-1, errno.ENOENT) if last == 6 else Outcome(0, 0)

    assert list(Bpf(Kernel(PROG_GET_NEXT_ID=following).host()).ids("PROG")) == [3, 6]
    assert list(Bpf(Kernel(MAP_GET_NEXT_ID=EPERM).host()).ids("MAP")) == [EPERM]
    assert list(Bpf(Kernel(LINK_GET_NEXT_ID=KILLED).host()).ids("LINK")) == [KILLED]


def test_objects_are_opened_by_id_path_and_descriptor() -> None:
    kernel = Kernel()
    seen = {}

    def get(attr: bytearray) -> Outcome:
        seen["path"] = bytes(kernel.buffer(attr, 0))
        return EPERM

    def info(attr: bytearray) -> Outcome:
        seen["info"] = struct.unpack_from("=II", attr)
        kernel.buffer(attr, 8)[:4] = struct.pack("=I", 17)
        return Outcome(0, 0)

    kernel.answers.update(OBJ_GET=get, OBJ_PIN=get, OBJ_GET_INFO_BY_FD=info, PROG_GET_FD_BY_ID=EPERM)
    bpf = Bpf(kernel.host())
    assert bpf.open_id("PROG", 4) == EPERM
    assert bpf.open_pin("/sys/fs/bpf/x") == EPERM
    assert seen["path"] == b"/sys/fs/bpf/x\0"
    assert bpf.pin(5, "/sys/fs/bpf/y") == EPERM
    assert seen["path"] == b"/sys/fs/bpf/y\0"
    data = bpf.info(9, request=b"\0" * 8, pointers={8: bytearray(4)})
    assert isinstance(data, bytearray)
    assert (data[:4], seen["info"]) == (struct.pack("=I", 17), (9, 256))
    kernel.answers["OBJ_GET_INFO_BY_FD"] = EPERM
    assert bpf.info(9) == EPERM


def test_links_and_raw_tracepoints_are_created() -> None:
    kernel = Kernel()
    seen = []

    def keep(attr: bytearray) -> Outcome:
        seen.append(bytes(attr[:48]))
        return EINVAL

    kernel.answers.update(LINK_CREATE=keep, RAW_TRACEPOINT_OPEN=keep)
    bpf = Bpf(kernel.host())
    names = bytearray(8)
    bpf.link(5, target=6, attach_type=42, rest=struct.pack("=II", 0, 1), pointers={24: names})
    bpf.raw_tracepoint(5, "sys_enter")
    bpf.raw_tracepoint(5, "")
    assert struct.unpack_from("=IIIIIIQ", seen[0]) == (5, 6, 42, 0, 0, 1, id(names))
    assert struct.unpack_from("=QI", seen[1])[1] == 5
    assert struct.unpack_from("=QI", seen[2]) == (0, 5)


def test_an_unknown_architecture_has_no_bpf() -> None:
    outcome, attr = Bpf(Kernel().host()._replace(machine="m68k")).command("PROG_LOAD", b"x")
    assert (outcome.errno, any(attr)) == (errno.ENOSYS, False)
