# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Names of commands and types, and layouts of structures, from include/uapi/linux/bpf.h."""

from __future__ import annotations

import struct
import typing as t

__all__ = [
    "ATTACH_TYPES",
    "ATTR_SIZE",
    "COMMANDS",
    "LINK_TYPES",
    "MAP_TYPES",
    "PROGRAM_TYPES",
    "LinkInfo",
    "MapInfo",
    "ProgramInfo",
    "name_of",
    "parse_link_info",
    "parse_map_info",
    "parse_program_info",
]

# The size of union bpf_attr in Linux 6.12. A kernel with a smaller one accepts it if the rest is zero.
ATTR_SIZE = 144

# enum bpf_cmd, by number
_COMMANDS = """
MAP_CREATE MAP_LOOKUP_ELEM MAP_UPDATE_ELEM MAP_DELETE_ELEM MAP_GET_NEXT_KEY PROG_LOAD OBJ_PIN OBJ_GET
PROG_ATTACH PROG_DETACH PROG_TEST_RUN PROG_GET_NEXT_ID MAP_GET_NEXT_ID PROG_GET_FD_BY_ID MAP_GET_FD_BY_ID
OBJ_GET_INFO_BY_FD PROG_QUERY RAW_TRACEPOINT_OPEN BTF_LOAD BTF_GET_FD_BY_ID TASK_FD_QUERY
MAP_LOOKUP_AND_DELETE_ELEM MAP_FREEZE BTF_GET_NEXT_ID MAP_LOOKUP_BATCH MAP_LOOKUP_AND_DELETE_BATCH
MAP_UPDATE_BATCH MAP_DELETE_BATCH LINK_CREATE LINK_UPDATE LINK_GET_FD_BY_ID LINK_GET_NEXT_ID ENABLE_STATS
ITER_CREATE LINK_DETACH PROG_BIND_MAP TOKEN_CREATE
"""
COMMANDS = {name: number for number, name in enumerate(_COMMANDS.split())}

# enum bpf_prog_type, enum bpf_map_type, enum bpf_link_type and enum bpf_attach_type, by number, named as bpftool does
_PROGRAM_TYPES = """
unspec socket_filter kprobe sched_cls sched_act tracepoint xdp perf_event cgroup_skb cgroup_sock lwt_in lwt_out
lwt_xmit sock_ops sk_skb cgroup_device sk_msg raw_tracepoint cgroup_sock_addr lwt_seg6local lirc_mode2
sk_reuseport flow_dissector cgroup_sysctl raw_tracepoint_writable cgroup_sockopt tracing struct_ops ext lsm
sk_lookup syscall netfilter
"""
PROGRAM_TYPES = tuple(_PROGRAM_TYPES.split())
_MAP_TYPES = """
unspec hash array prog_array perf_event_array percpu_hash percpu_array stack_trace cgroup_array lru_hash
lru_percpu_hash lpm_trie array_of_maps hash_of_maps devmap sockmap cpumap xskmap sockhash cgroup_storage
reuseport_sockarray percpu_cgroup_storage queue stack sk_storage devmap_hash struct_ops ringbuf inode_storage
task_storage bloom_filter user_ringbuf cgrp_storage arena
"""
MAP_TYPES = tuple(_MAP_TYPES.split())
_LINK_TYPES = """
unspec raw_tracepoint tracing cgroup iter netns xdp perf_event kprobe_multi struct_ops netfilter tcx
uprobe_multi netkit sockmap
"""
LINK_TYPES = tuple(_LINK_TYPES.split())
_ATTACH_TYPES = """
cgroup_inet_ingress cgroup_inet_egress cgroup_inet_sock_create cgroup_sock_ops sk_skb_stream_parser
sk_skb_stream_verdict cgroup_device sk_msg_verdict cgroup_inet4_bind cgroup_inet6_bind cgroup_inet4_connect
cgroup_inet6_connect cgroup_inet4_post_bind cgroup_inet6_post_bind cgroup_udp4_sendmsg cgroup_udp6_sendmsg
lirc_mode2 flow_dissector cgroup_sysctl cgroup_udp4_recvmsg cgroup_udp6_recvmsg cgroup_getsockopt
cgroup_setsockopt trace_raw_tp trace_fentry trace_fexit modify_return lsm_mac trace_iter
cgroup_inet4_getpeername cgroup_inet6_getpeername cgroup_inet4_getsockname cgroup_inet6_getsockname xdp_devmap
cgroup_inet_sock_release xdp_cpumap sk_lookup xdp sk_skb_verdict sk_reuseport_select
sk_reuseport_select_or_migrate perf_event trace_kprobe_multi lsm_cgroup struct_ops netfilter tcx_ingress
tcx_egress trace_uprobe_multi cgroup_unix_connect cgroup_unix_sendmsg cgroup_unix_recvmsg cgroup_unix_getpeername
cgroup_unix_getsockname
"""
ATTACH_TYPES = {name: number for number, name in enumerate(_ATTACH_TYPES.split())}

# The first fields, which all kernels since 5.8 have. Fields that a kernel does not know stay zero.
_PROGRAM = struct.Struct("=II8sIIQQQIIQ16s")
_PROGRAM_RUNS = struct.Struct("=QQQ")
_PROGRAM_RUNS_AT = 192
_MAP = struct.Struct("=IIIIII16s")
_LINK = struct.Struct("=III")


class ProgramInfo(t.NamedTuple):
    """A struct bpf_prog_info.

    ``loaded``: nanoseconds since boot. The run count and the run time are 0 unless kernel.bpf_stats_enabled is set.
    """

    type: str
    id: int
    tag: str
    loaded: int
    uid: int
    map_count: int
    name: str
    run_time_ns: int
    run_count: int
    missed: int


class MapInfo(t.NamedTuple):
    """A struct bpf_map_info."""

    type: str
    id: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int
    name: str


class LinkInfo(t.NamedTuple):
    """A struct bpf_link_info."""

    type: str
    id: int
    program: int


def name_of(number: int, names: t.Sequence[str]) -> str:
    """Return the name of a type. A type that is newer than these tables is named ``type_<number>``."""
    return names[number] if number < len(names) else f"type_{number}"


def parse_program_info(data: bytes | bytearray) -> ProgramInfo:
    """Parse struct bpf_prog_info, at least 216 bytes."""
    kind, number, tag, _jited, _xlated, dummy, dummy, loaded, uid, maps, dummy, name = _PROGRAM.unpack_from(
        data
    )
    time, count, missed = _PROGRAM_RUNS.unpack_from(data, _PROGRAM_RUNS_AT)
    return ProgramInfo(
        name_of(kind, PROGRAM_TYPES), number, tag.hex(), loaded, uid, maps, _text(name), time, count, missed
    )


def parse_map_info(data: bytes | bytearray) -> MapInfo:
    """Parse struct bpf_map_info, at least 40 bytes."""
    kind, number, key, value, entries, flags, name = _MAP.unpack_from(data)
    return MapInfo(name_of(kind, MAP_TYPES), number, key, value, entries, flags, _text(name))


def parse_link_info(data: bytes | bytearray) -> LinkInfo:
    """Parse struct bpf_link_info, at least 12 bytes."""
    kind, number, program = _LINK.unpack_from(data)
    return LinkInfo(name_of(kind, LINK_TYPES), number, program)


def _text(name: bytes) -> str:
    return name.split(b"\0")[0].decode("ascii", "replace")
