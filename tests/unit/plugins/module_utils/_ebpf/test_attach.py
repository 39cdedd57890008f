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
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf import attach as ebpf_attach
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.bpf import Bpf
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import Outcome

from .._ebpf_features.stand_in_ebpf import EACCES, EINVAL, EPERM, Kernel, write

PMU = "sys/bus/event_source/devices/{}/type"
TRACEFS = "sys/kernel/tracing"


@pytest.fixture
def ioctls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    made: list[tuple[int, int]] = []
    monkeypatch.setattr(
        ebpf_attach.fcntl, "ioctl", lambda fd, request, program: made.append((request, program))
    )
    return made


@pytest.mark.parametrize(
    ("pmu", "attach"),
    [
        ("kprobe", lambda bpf, host: ebpf_attach.attach_kprobe_perf(bpf, host, "ksys_sync")),
        ("uprobe", lambda bpf, host: ebpf_attach.attach_uprobe_perf(bpf, host, "/bin/x", 64)),
    ],
)
def test_a_program_is_attached_by_a_pmu(
    *,
    tmp_path: pathlib.Path,
    ioctls: list[tuple[int, int]],
    pmu: str,
    attach: t.Callable[..., ebpf_attach.Attempt],
) -> None:
    seen = []
    kernel = Kernel()

    def open_event(attr: bytearray) -> Outcome:
        kind, size, config = struct.unpack_from("=IIQ", attr)
        seen.append(
            (kind, size, config, bytes(kernel.buffer(attr, 56)), struct.unpack_from("=Q", attr, 64)[0])
        )
        return kernel._answer("descriptor", attr, None)

    kernel.answers["perf_event_open"] = open_event
    host = kernel.host(root=tmp_path)
    assert attach(Bpf(host), host) == ("source", Outcome(-1, errno.ENOENT), "")
    assert kernel.made == [], "without a PMU nothing is loaded"
    write(tmp_path, PMU.format(pmu), "8\n")
    attempt = attach(Bpf(host), host)
    assert attempt.worked
    wanted = (b"ksys_sync\0", 0) if pmu == "kprobe" else (b"/bin/x\0", 64)
    assert seen == [(8, 112, 0, *wanted)]
    assert ioctls == [(0x40042408, kernel.opened[0])]
    assert kernel.left_open() == []


def test_the_failed_step_is_returned(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, PMU.format("kprobe"), "8\n")

    def attempt(kernel: Kernel) -> ebpf_attach.Attempt:
        host = kernel.host(root=tmp_path)
        attempted = ebpf_attach.attach_kprobe_perf(Bpf(host), host, "x")
        assert not attempted.worked
        assert kernel.left_open() == []
        return attempted

    assert attempt(Kernel(PROG_LOAD=EPERM))[:2] == ("load", EPERM)
    assert attempt(Kernel(perf_event_open=EACCES))[:2] == ("open", EACCES)

    def refuse(*arguments: object) -> t.NoReturn:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(ebpf_attach.fcntl, "ioctl", refuse)
    assert attempt(Kernel())[:2] == ("attach", EINVAL)


def test_links_are_created_and_closed() -> None:
    kernel = Kernel()
    seen: list[bytes] = []

    def link(attr: bytearray) -> Outcome:
        seen.append(bytes(attr))
        return kernel._answer("descriptor", attr, None)

    kernel.answers.update(LINK_CREATE=link, RAW_TRACEPOINT_OPEN=link)
    host = kernel.host()
    bpf = Bpf(host)
    attempts = [
        ebpf_attach.attach_kprobe_multi(bpf, host, "ksys_sync"),
        ebpf_attach.attach_uprobe_multi(bpf, host, "/bin/x", 64),
        ebpf_attach.attach_fentry(bpf, host, 79769),
        ebpf_attach.attach_raw_tracepoint(bpf, host, "sched_process_exit"),
    ]
    assert all(attempt.worked for attempt in attempts)
    assert kernel.left_open() == []
    multi, uprobe, fentry, raw = seen
    assert struct.unpack_from("=III", multi, 4) == (0, 42, 0)
    assert struct.unpack_from("=II", multi, 16) == (0, 1)
    (names,) = struct.unpack_from("=Q", multi, 24)
    (name,) = struct.unpack("=Q", kernel.buffers[names])
    assert kernel.buffers[name] == b"ksys_sync\0"
    assert struct.unpack_from("=III", uprobe, 4) == (0, 48, 0)
    path, offsets, counters, cookies, count = struct.unpack_from("=QQQQI", uprobe, 16)
    assert (kernel.buffers[path], counters, cookies, count) == (b"/bin/x\0", 0, 0, 1)
    assert struct.unpack("=Q", kernel.buffers[offsets]) == (64,)
    assert struct.unpack_from("=Q", fentry)[0] == 0
    assert kernel.buffers[struct.unpack_from("=Q", raw)[0]] == b"sched_process_exit\0"


def test_the_event_of_tracefs_is_always_removed(
    tmp_path: pathlib.Path, ioctls: list[tuple[int, int]]
) -> None:
    event = f"gofleet_probe_{os.getpid()}/entry"
    write(tmp_path, f"{TRACEFS}/kprobe_events", "")
    kernel = Kernel()
    host = kernel.host(root=tmp_path)
    # An ordinary file, so no id appears.
    attempt = ebpf_attach.attach_kprobe_tracefs(Bpf(host), host, "ksys_sync")
    assert attempt[:2] == ("source", Outcome(-1, errno.ENOENT))
    written = (tmp_path / TRACEFS / "kprobe_events").read_text().splitlines()
    assert written == [f"p:{event} ksys_sync", f"-:{event}"]
    write(tmp_path, f"{TRACEFS}/events/{event}/id", "1234\n")
    for answers, step in (
        ({}, "attach"),
        ({"PROG_LOAD": EPERM}, "load"),
        ({"perf_event_open": EACCES}, "open"),
    ):
        write(tmp_path, f"{TRACEFS}/kprobe_events", "")
        host = Kernel(**answers).host(root=tmp_path)
        assert ebpf_attach.attach_kprobe_tracefs(Bpf(host), host, "ksys_sync").step == step
        written = (tmp_path / TRACEFS / "kprobe_events").read_text().splitlines()
        assert written == [f"p:{event} ksys_sync", f"-:{event}"]


def test_a_missing_tracefs_is_a_failed_source(tmp_path: pathlib.Path) -> None:
    host = Kernel().host(root=tmp_path)
    for attach in (ebpf_attach.attach_kprobe_tracefs, ebpf_attach.attach_tracepoint):
        assert attach(Bpf(host), host, "sched/x")[:2] == ("source", Outcome(-1, errno.ENOENT))


def test_a_program_is_attached_to_a_tracepoint(tmp_path: pathlib.Path, ioctls: list[tuple[int, int]]) -> None:
    write(tmp_path, "tracing/events/sched/sched_process_exit/id", "77\n")
    seen = []

    def open_event(attr: bytearray) -> Outcome:
        seen.append(struct.unpack_from("=IIQ", attr))
        return EACCES

    host = Kernel(perf_event_open=open_event).host(root=tmp_path)
    attempt = ebpf_attach.attach_tracepoint(Bpf(host), host, "sched/sched_process_exit", tracefs="tracing")
    assert (attempt.step, seen) == ("open", [(2, 112, 77)])


def test_an_unknown_architecture_opens_no_event() -> None:
    assert ebpf_attach.open_event(Kernel().host()._replace(machine="m68k"), 1).errno == errno.ENOSYS


MOUNTINFO = "30 24 0:26 / {}/sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n"


@pytest.mark.parametrize(
    ("mountinfo", "cgroup", "path"),
    [
        (MOUNTINFO.format(""), "0::/user.slice/x.scope\n", "/sys/fs/cgroup/user.slice/x.scope"),
        (MOUNTINFO.format(""), "0::/\n", "/sys/fs/cgroup"),
        (MOUNTINFO.format(""), "7:cpu:/x\n", None),
        ("", "0::/x\n", None),
        ("garbage - \0", "\xff\n::", None),
    ],
)
def test_the_own_cgroup_is_found(
    tmp_path: pathlib.Path, mountinfo: str, cgroup: str, path: str | None
) -> None:
    write(tmp_path, "proc/self/mountinfo", mountinfo)
    write(tmp_path, "proc/self/cgroup", cgroup)
    assert ebpf_attach.own_cgroup(str(tmp_path)) == path


def test_a_program_is_attached_to_a_cgroup(tmp_path: pathlib.Path) -> None:
    write(tmp_path, "proc/self/mountinfo", MOUNTINFO.format(tmp_path))
    write(tmp_path, "proc/self/cgroup", "0::/\n")
    kernel = Kernel()
    host = kernel.host(root=tmp_path)
    assert ebpf_attach.attach_cgroup(Bpf(host), host)[:2] == ("source", Outcome(-1, errno.ENOENT))
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    assert ebpf_attach.attach_cgroup(Bpf(host), host).worked
    assert kernel.left_open() == []
    refused = Kernel(PROG_LOAD=EPERM).host(root=tmp_path)
    assert ebpf_attach.attach_cgroup(Bpf(refused), refused).step == "load"


def test_no_interface_is_used() -> None:
    targets = []

    def link(attr: bytearray) -> Outcome:
        targets.append(struct.unpack_from("=I", attr, 4)[0])
        return Outcome(-1, errno.ENODEV)

    host = Kernel(LINK_CREATE=link).host()
    assert ebpf_attach.attach_tcx(Bpf(host), host)[:2] == ("attach", Outcome(-1, errno.ENODEV))
    assert targets == [0x7FFFFFFF]
