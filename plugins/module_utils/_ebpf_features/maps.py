# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Probe the types of BPF maps by creating the smallest map of each."""

from __future__ import annotations

import errno
import mmap
import struct
import typing as t

from .._ebpf.abi import MAP_TYPES
from .._ebpf.bpf import Bpf, opened
from .._ebpf.layers import ENOTSUPP, Layers, Verdict, error_name, refused_bpf
from .._probe.answer import no, unknown, yes
from .._probe.caller import CAP_BPF, CAP_NET_ADMIN
from .._probe.syscall import Outcome

__all__ = ["MAPS", "MapType", "have_map_type", "judge_map", "probe_maps"]

_NO_PREALLOC = 1
_MMAPABLE = 1 << 10
_PAGE = mmap.PAGESIZE

_ANY = (CAP_BPF,)
_NETWORK = (CAP_BPF, CAP_NET_ADMIN)


class MapType(t.NamedTuple):
    """The attributes that the kernel requires for one map type. ``since`` is for the reason only, the attempt decides.

    ``open``: needs no capability while unprivileged BPF is enabled. ``inner``: holds maps. ``typed``: needs BTF for
    its key and value. ``vmlinux``: needs a struct of the kernel's BTF. A kernel with that map type refuses BTF type 1
    with ENOTSUPP.
    """

    since: str
    needs: tuple[int, ...] = _ANY
    open: bool = False
    key: int = 4
    value: int = 4
    entries: int = 1
    flags: int = 0
    inner: bool = False
    typed: bool = False
    vmlinux: bool = False


def _storage(since: str) -> MapType:
    return MapType(since, entries=0, flags=_NO_PREALLOC, typed=True)


MAPS: dict[str, MapType] = {
    "hash": MapType("3.19", open=True),  # commit 0f8e4bd8a1fc
    "array": MapType("3.19", open=True),  # commit 28fbcfa08d8e
    "prog_array": MapType("4.2", open=True),  # commit 04fd61ab36ec
    "perf_event_array": MapType("4.3", open=True),  # commit ea317b267e9d
    "percpu_hash": MapType("4.6", open=True),  # commit 824bd0ce6c7c
    "percpu_array": MapType("4.6", open=True),  # commit a10423b87a7e
    "stack_trace": MapType("4.6", value=8),  # commit d5a3b1f69186
    "cgroup_array": MapType("4.8", open=True),  # commit 4ed8ec521ed5
    "lru_hash": MapType("4.10"),  # commit 29ba732acbee
    "lru_percpu_hash": MapType("4.10"),  # commit 8f8449384ec3
    "lpm_trie": MapType("4.11", key=8, value=8, flags=_NO_PREALLOC),  # commit b95a5c4db09b
    "array_of_maps": MapType("4.12", open=True, inner=True),  # commit 56f668dfe00d
    "hash_of_maps": MapType("4.12", open=True, inner=True),  # commit bcc6b1b7ebf8
    "devmap": MapType("4.14", _NETWORK),  # commit 546ac1ffb70d
    "sockmap": MapType("4.14", _NETWORK),  # commit 174a79ff9515
    "cpumap": MapType("4.15"),  # commit 6710e1126934
    "xskmap": MapType("4.18", _NETWORK),  # commit fbfc504a24f5
    "sockhash": MapType("4.18", _NETWORK),  # commit 81110384441a
    "cgroup_storage": MapType("4.19", open=True, key=16, value=8, entries=0),  # commit de9cbbaadba5
    "reuseport_sockarray": MapType("4.19"),  # commit 5dc4c4b7d4e8
    "percpu_cgroup_storage": MapType("4.20", open=True, key=16, value=8, entries=0),  # commit b741f1630346
    "queue": MapType("4.20", key=0),  # commit f1a2e44a3aec
    "stack": MapType("4.20", key=0),
    "sk_storage": _storage("5.2"),  # commit 6ac99e8f23d4
    "devmap_hash": MapType("5.4", _NETWORK),  # commit 6f9d451ab1a3
    "struct_ops": MapType("5.6", vmlinux=True),  # commit 85d33df357b6
    "ringbuf": MapType("5.8", open=True, key=0, value=0, entries=_PAGE),  # commit 457f44363a88
    "inode_storage": _storage("5.10"),  # commit 8ea636848aca
    "task_storage": _storage("5.11"),  # commit 4cf1bc1f1045
    "bloom_filter": MapType("5.16", key=0),  # commit 9330986c0300
    "user_ringbuf": MapType("6.1", open=True, key=0, value=0, entries=_PAGE),  # commit 583c1f420173
    "cgrp_storage": _storage("6.2"),  # commit c4bcfb38a95e
    "arena": MapType("6.9", key=0, value=0, flags=_MMAPABLE),  # commit 317460317a02
}

# A BTF object with one type, a signed 32-bit integer: header, struct btf_type, names.
_INT = struct.pack("=IIII", 1, 1 << 24, 4, 1 << 24 | 32)
_NAMES = b"\0int\0"
_INT_BTF = struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(_INT), len(_INT), len(_NAMES)) + _INT + _NAMES
_INT_ID = 1


def have_map_type(bpf: Bpf, layers: Layers, name: str) -> Verdict:
    """Probe the running kernel for one map type of MAPS."""
    if layers.bpf.probe.answer != "yes":
        return layers.bpf
    outcome = _create(bpf, name)
    for dummy in opened(outcome):
        return Verdict(yes("kernel", "created and closed again"))
    return judge_map(outcome, layers=layers, name=name)


def judge_map(outcome: Outcome, *, layers: Layers, name: str) -> Verdict:
    """Judge the refusal of a map of one type."""
    kind, number = MAPS[name], outcome.errno
    error = error_name(number)
    if outcome.killed:
        return layers.bpf._replace(
            probe=no("seccomp", "a seccomp filter kills the process that makes a map (SIGSYS)")
        )
    if kind.vmlinux and number == ENOTSUPP:
        return Verdict(
            yes(
                "kernel",
                "tried with a type that is not a struct_ops, ENOTSUPP, which only a kernel with it returns",
            )
        )
    if number in (errno.EPERM, errno.EACCES):
        return refused_bpf(layers, error, needs=kind.needs, unprivileged=kind.open)
    # EOPNOTSUPP: the architecture lacks it.
    if number in (errno.EINVAL, errno.EOPNOTSUPP):
        return Verdict(no("kernel", f"{error}: this kernel is built without it (since Linux {kind.since})"))
    return Verdict(unknown("kernel", f"tried, {error} is inconclusive"))


def probe_maps(bpf: Bpf, layers: Layers) -> dict[str, Verdict]:
    """Probe every map type of MAPS."""
    return {name: have_map_type(bpf, layers, name) for name in MAPS}


def _create(bpf: Bpf, name: str) -> Outcome:
    if MAPS[name].inner:
        held = _create(bpf, "hash")
        for inner in opened(held):
            return _create_with(bpf, name, inner=inner)
        return held
    if MAPS[name].typed:
        types = bpf.load_btf(_INT_BTF)
        for fd in opened(types):
            # ifindex, btf_fd, btf_key_type_id, btf_value_type_id
            return _create_with(bpf, name, rest=struct.pack("=IIII", 0, fd, _INT_ID, _INT_ID))
        return types
    if MAPS[name].vmlinux:
        # ... and btf_vmlinux_value_type_id = 1, an integer.
        return _create_with(bpf, name, rest=struct.pack("=IIIII", 0, 0, 0, 0, 1))
    return _create_with(bpf, name)


def _create_with(bpf: Bpf, name: str, *, inner: int = 0, rest: bytes = b"") -> Outcome:
    kind = MAPS[name]
    return bpf.create_map(
        MAP_TYPES.index(name),
        key_size=kind.key,
        value_size=kind.value,
        max_entries=kind.entries,
        flags=kind.flags,
        inner=inner,
        rest=rest,
    )
