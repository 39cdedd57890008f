# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Attach minimal eBPF programs to find out whether an attach method works."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import typing as t

from .._kernel.cgroup import unified_path
from .._probe.files import read, read_int
from .._probe.host import Host
from .._probe.mounts import cgroup2_mount_point
from .._probe.syscall import Outcome, number_of
from .abi import ATTACH_TYPES, PROGRAM_TYPES
from .bpf import Bpf, exit_with, opened

__all__ = [
    "Attempt",
    "attach_cgroup",
    "attach_fentry",
    "attach_kprobe_multi",
    "attach_kprobe_perf",
    "attach_kprobe_tracefs",
    "attach_raw_tracepoint",
    "attach_tcx",
    "attach_tracepoint",
    "attach_uprobe_multi",
    "attach_uprobe_perf",
    "close_link",
    "open_event",
    "own_cgroup",
    "with_program",
]

_DEVICES = "sys/bus/event_source/devices"
_NAME = "gofleet_probe"
# include/uapi/linux/perf_event.h
_PERF_TYPE_TRACEPOINT = 2
_PERF_FLAG_FD_CLOEXEC = 8
_PERF_EVENT_IOC_SET_BPF = 0x40042408
_ATTR_SIZE = 112  # PERF_ATTR_SIZE_VER5, Linux 4.1


class Attempt(t.NamedTuple):
    """The last step of an attach and its outcome.

    ``step``: ``source`` (reading the file of a PMU or of an event in tracefs), ``event`` (writing a line to
    kprobe_events), ``load`` (loading the program), ``open`` (perf_event_open) or ``attach``. ``outcome``: errno is 0
    where the attach succeeded. ``log``: the log of the verifier.
    """

    step: str
    outcome: Outcome
    log: str = ""

    @property
    def worked(self) -> bool:
        """Whether the program was attached."""
        return self.step == "attach" and not self.outcome.errno and not self.outcome.killed


def _failed(step: str, number: int) -> Attempt:
    return Attempt(step, Outcome(-1, number))


def with_program(
    bpf: Bpf,
    kind: str,
    attach: t.Callable[[int], Attempt],
    *,
    returns: int = 0,
    expected: str = "",
    btf_id: int = 0,
    btf: int = 0,
) -> Attempt:
    """Load a program that only returns a number, and pass its descriptor to ``attach``.

    :param kind: the program type
    :param returns: the number that the program returns
    :param expected: the name of the expected attach type
    :param btf_id: the BTF number of the function to attach to
    :param btf: a descriptor of the BTF of the function's module, 0 for the kernel
    """
    loaded = bpf.load(
        PROGRAM_TYPES.index(kind),
        exit_with(returns),
        name=_NAME,
        expected_attach_type=ATTACH_TYPES[expected] if expected else 0,
        attach_btf_id=btf_id,
        attach_btf=btf,
    )
    for program in opened(loaded.outcome):
        return attach(program)
    return Attempt("load", loaded.outcome, loaded.log)


def close_link(outcome: Outcome) -> Attempt:
    """Close the link that a call created, which detaches the program, and return the attempt."""
    for dummy in opened(outcome):
        pass
    return Attempt("attach", outcome)


def open_event(
    host: Host,
    kind: int,
    *,
    config: int = 0,
    config1: int = 0,
    config2: int = 0,
    flags: int = 0,
    pid: int = -1,
) -> Outcome:
    """Open an event with perf_event_open(2).

    :param pid: -1 for every process on the first processor, 0 for this process

    :param flags: the bit field of struct perf_event_attr
    """
    number = number_of("perf_event_open", machine=host.machine)
    if number is None:
        return Outcome(-1, errno.ENOSYS)
    attr = bytearray(_ATTR_SIZE)
    struct.pack_into("=IIQ", attr, 0, kind, len(attr), config)
    struct.pack_into("=Q", attr, 40, flags)
    struct.pack_into("=QQ", attr, 56, config1, config2)
    return host.syscalls(number, attr, pid, 0 if pid == -1 else -1, -1, _PERF_FLAG_FD_CLOEXEC)


def _set_program(event: Outcome, program: int) -> Attempt:
    for fd in opened(event):
        try:
            fcntl.ioctl(fd, _PERF_EVENT_IOC_SET_BPF, program)
        except OSError as error:
            return _failed("attach", error.errno or errno.EIO)
        return Attempt("attach", Outcome(0, 0))
    return Attempt("open", event)


def attach_kprobe_perf(bpf: Bpf, host: Host, symbol: str) -> Attempt:
    """Attach with the PMU ``kprobe`` (commit e12f03d7031a, Linux 4.17)."""
    return _by_pmu(bpf, host, "kprobe", symbol, 0)


def attach_uprobe_perf(bpf: Bpf, host: Host, path: str, offset: int) -> Attempt:
    """Attach to an instruction of a file with the PMU ``uprobe`` (commit 33ea4b24277b, Linux 4.17)."""
    return _by_pmu(bpf, host, "uprobe", path, offset)


def _by_pmu(bpf: Bpf, host: Host, pmu: str, target: str, offset: int) -> Attempt:
    kind = read_int(host.root, f"{_DEVICES}/{pmu}/type")
    if kind is None:
        return _failed("source", read(host.root, f"{_DEVICES}/{pmu}/type").errno or errno.ENOENT)
    name = bytearray(os.fsencode(target) + b"\0")

    def attach(program: int) -> Attempt:
        event = open_event(host, kind, config1=host.syscalls.address_of(name), config2=offset)
        return _set_program(event, program)

    return with_program(bpf, "kprobe", attach)


def attach_tracepoint(bpf: Bpf, host: Host, event: str, *, tracefs: str = "sys/kernel/tracing") -> Attempt:
    """Attach to ``group/event`` of tracefs (commit 98b5c2c65c29, Linux 4.7)."""
    return _by_event(bpf, host, "tracepoint", event, tracefs)


def _by_event(bpf: Bpf, host: Host, program_type: str, event: str, tracefs: str) -> Attempt:
    number = read_int(host.root, f"{tracefs}/events/{event}/id")
    if number is None:
        return _failed("source", read(host.root, f"{tracefs}/events/{event}/id").errno or errno.ENOENT)

    def attach(program: int) -> Attempt:
        return _set_program(open_event(host, _PERF_TYPE_TRACEPOINT, config=number), program)

    return with_program(bpf, program_type, attach)


def attach_kprobe_tracefs(
    bpf: Bpf, host: Host, symbol: str, *, tracefs: str = "sys/kernel/tracing"
) -> Attempt:
    """Attach with an event in ``kprobe_events`` and remove the event (commit 413d37d1eb69, Linux 2.6.33)."""
    events = os.path.join(host.root, tracefs, "kprobe_events")
    event = f"{_NAME}_{os.getpid()}/entry"
    refused = _write(events, f"p:{event} {symbol}")
    if refused:
        return _failed("event" if os.path.exists(events) else "source", refused)
    try:
        return _by_event(bpf, host, "kprobe", event, tracefs)
    finally:
        _write(events, f"-:{event}")


def _write(path: str, line: str) -> int:
    """Append a line to a file of tracefs and return the error number.

    Python's open() is not used because it seeks, which tracefs refuses.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    except OSError as error:
        return error.errno or errno.EIO
    try:
        os.write(fd, line.encode() + b"\n")
    except OSError as error:
        return error.errno or errno.EIO
    finally:
        os.close(fd)
    return 0


def attach_kprobe_multi(bpf: Bpf, host: Host, symbol: str) -> Attempt:
    """Attach with a kprobe.multi link (commit 0dcac2725406, Linux 5.18)."""
    name = bytearray(symbol.encode() + b"\0")
    names = bytearray(struct.pack("=Q", host.syscalls.address_of(name)))

    def attach(program: int) -> Attempt:
        kind = ATTACH_TYPES["trace_kprobe_multi"]
        rest = struct.pack("=IIQQQ", 0, 1, 0, 0, 0)
        return close_link(bpf.link(program, attach_type=kind, rest=rest, pointers={24: names}))

    return with_program(bpf, "kprobe", attach, expected="trace_kprobe_multi")


def attach_uprobe_multi(bpf: Bpf, host: Host, path: str, offset: int) -> Attempt:
    """Attach with an uprobe.multi link (commit 89ae89f53d20, Linux 6.6)."""
    target = bytearray(os.fsencode(path) + b"\0")
    offsets = bytearray(struct.pack("=Q", offset))

    def attach(program: int) -> Attempt:
        kind = ATTACH_TYPES["trace_uprobe_multi"]
        rest = struct.pack("=QQQQIII", 0, 0, 0, 0, 1, 0, 0)
        return close_link(bpf.link(program, attach_type=kind, rest=rest, pointers={16: target, 24: offsets}))

    return with_program(bpf, "kprobe", attach, expected="trace_uprobe_multi")


def attach_fentry(bpf: Bpf, host: Host, btf_id: int, *, btf: int = 0) -> Attempt:
    """Attach to the entry of the function with this BTF number (commit fec56f5890d9, Linux 5.5).

    :param btf: a descriptor of the BTF of the function's module (commit 290248a5b7d8, Linux 5.11), 0 for the kernel
    """

    def attach(program: int) -> Attempt:
        return close_link(bpf.raw_tracepoint(program, ""))

    return with_program(bpf, "tracing", attach, expected="trace_fentry", btf_id=btf_id, btf=btf)


def attach_raw_tracepoint(bpf: Bpf, host: Host, name: str) -> Attempt:
    """Attach to a tracepoint with its raw arguments (commit c4f6699dfcb8, Linux 4.17)."""

    def attach(program: int) -> Attempt:
        return close_link(bpf.raw_tracepoint(program, name))

    return with_program(bpf, "raw_tracepoint", attach)


_ALLOW = 1
_NO_INTERFACE = 0x7FFFFFFF
_TCX_NEXT = -1


def own_cgroup(root: str) -> str | None:
    """Return the directory of the cgroup v2 of this process, or None where it is not mounted or has none."""
    point, path = cgroup2_mount_point(root), unified_path(read(root, "proc/self/cgroup").text or "")
    return point.rstrip("/") + path.rstrip("/") if point and path else None


def attach_cgroup(bpf: Bpf, host: Host) -> Attempt:
    """Attach a program that allows everything to the caller's cgroup (commit af6eea57437a, Linux 5.7)."""
    path = own_cgroup(host.root)
    try:
        group = os.open(path or "", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        return Attempt("source", Outcome(-1, error.errno or errno.ENOENT))
    hook = ATTACH_TYPES["cgroup_inet_egress"]
    try:
        return with_program(
            bpf,
            "cgroup_skb",
            lambda program: close_link(bpf.link(program, target=group, attach_type=hook)),
            returns=_ALLOW,
            expected="cgroup_inet_egress",
        )
    finally:
        os.close(group)


def attach_tcx(bpf: Bpf, host: Host) -> Attempt:
    """Attach to an interface that does not exist, which affects no traffic. Only a kernel with tcx returns ENODEV.

    Commit e420bed02507 ("bpf: Add fd-based tcx multi-prog infra with link support"), Linux 6.6.
    """
    hook, rest = ATTACH_TYPES["tcx_ingress"], struct.pack("=QQ", 0, 0)
    return with_program(
        bpf,
        "sched_cls",
        lambda program: close_link(bpf.link(program, target=_NO_INTERFACE, attach_type=hook, rest=rest)),
        returns=_TCX_NEXT,
    )
