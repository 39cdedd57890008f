# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Probe which helper functions an eBPF program of each type may call."""

from __future__ import annotations

import typing as t

from .._ebpf.bpf import Bpf, Loaded, instruction, opened
from .._ebpf.layers import Layers
from .._probe.answer import Probe, no, yes
from .._probe.caller import CAP_SYS_ADMIN
from .programs import PROGRAMS, load_smallest

__all__ = [
    "DEFAULT_TYPES",
    "HELPERS",
    "LOUD",
    "judge_helper",
    "probe_helper",
    "probe_helpers",
    "write_user_refusal",
]

# By number, as of Linux 6.12. The list is complete, because newer kernels add kfuncs, which programs find by BTF.
_HELPERS = """
unspec map_lookup_elem map_update_elem map_delete_elem probe_read ktime_get_ns trace_printk get_prandom_u32
get_smp_processor_id skb_store_bytes l3_csum_replace l4_csum_replace tail_call clone_redirect
get_current_pid_tgid get_current_uid_gid get_current_comm get_cgroup_classid skb_vlan_push skb_vlan_pop
skb_get_tunnel_key skb_set_tunnel_key perf_event_read redirect get_route_realm perf_event_output skb_load_bytes
get_stackid csum_diff skb_get_tunnel_opt skb_set_tunnel_opt skb_change_proto skb_change_type skb_under_cgroup
get_hash_recalc get_current_task probe_write_user current_task_under_cgroup skb_change_tail skb_pull_data
csum_update set_hash_invalid get_numa_node_id skb_change_head xdp_adjust_head probe_read_str get_socket_cookie
get_socket_uid set_hash setsockopt skb_adjust_room redirect_map sk_redirect_map sock_map_update xdp_adjust_meta
perf_event_read_value perf_prog_read_value getsockopt override_return sock_ops_cb_flags_set msg_redirect_map
msg_apply_bytes msg_cork_bytes msg_pull_data bind xdp_adjust_tail skb_get_xfrm_state get_stack
skb_load_bytes_relative fib_lookup sock_hash_update msg_redirect_hash sk_redirect_hash lwt_push_encap
lwt_seg6_store_bytes lwt_seg6_adjust_srh lwt_seg6_action rc_repeat rc_keydown skb_cgroup_id
get_current_cgroup_id get_local_storage sk_select_reuseport skb_ancestor_cgroup_id sk_lookup_tcp sk_lookup_udp
sk_release map_push_elem map_pop_elem map_peek_elem msg_push_data msg_pop_data rc_pointer_rel spin_lock
spin_unlock sk_fullsock tcp_sock skb_ecn_set_ce get_listener_sock skc_lookup_tcp tcp_check_syncookie
sysctl_get_name sysctl_get_current_value sysctl_get_new_value sysctl_set_new_value strtol strtoul sk_storage_get
sk_storage_delete send_signal tcp_gen_syncookie skb_output probe_read_user probe_read_kernel probe_read_user_str
probe_read_kernel_str tcp_send_ack send_signal_thread jiffies64 read_branch_records get_ns_current_pid_tgid
xdp_output get_netns_cookie get_current_ancestor_cgroup_id sk_assign ktime_get_boot_ns seq_printf seq_write
sk_cgroup_id sk_ancestor_cgroup_id ringbuf_output ringbuf_reserve ringbuf_submit ringbuf_discard ringbuf_query
csum_level skc_to_tcp6_sock skc_to_tcp_sock skc_to_tcp_timewait_sock skc_to_tcp_request_sock skc_to_udp6_sock
get_task_stack load_hdr_opt store_hdr_opt reserve_hdr_opt inode_storage_get inode_storage_delete d_path
copy_from_user snprintf_btf seq_printf_btf skb_cgroup_classid redirect_neigh per_cpu_ptr this_cpu_ptr
redirect_peer task_storage_get task_storage_delete get_current_task_btf bprm_opts_set ktime_get_coarse_ns
ima_inode_hash sock_from_file check_mtu for_each_map_elem snprintf sys_bpf btf_find_by_name_kind sys_close
timer_init timer_set_callback timer_start timer_cancel get_func_ip get_attach_cookie task_pt_regs
get_branch_snapshot trace_vprintk skc_to_unix_sock kallsyms_lookup_name find_vma loop strncmp get_func_arg
get_func_ret get_func_arg_cnt get_retval set_retval xdp_get_buff_len xdp_load_bytes xdp_store_bytes
copy_from_user_task skb_set_tstamp ima_file_hash kptr_xchg map_lookup_percpu_elem skc_to_mptcp_sock
dynptr_from_mem ringbuf_reserve_dynptr ringbuf_submit_dynptr ringbuf_discard_dynptr dynptr_read dynptr_write
dynptr_data tcp_raw_gen_syncookie_ipv4 tcp_raw_gen_syncookie_ipv6 tcp_raw_check_syncookie_ipv4
tcp_raw_check_syncookie_ipv6 ktime_get_tai_ns user_ringbuf_drain cgrp_storage_get cgrp_storage_delete
"""
HELPERS = tuple(f"bpf_{name}" for name in _HELPERS.split())


# The types that agents load. The others serve special purposes, and each takes as long to probe.
DEFAULT_TYPES = (
    "socket_filter",
    "kprobe",
    "sched_cls",
    "tracepoint",
    "xdp",
    "perf_event",
    "cgroup_skb",
    "sock_ops",
    "sk_msg",
    "raw_tracepoint",
    "tracing",
    "lsm",
)
# The verifier writes to the kernel log for probe_write_user, and enables a trace event for the other two.
LOUD = ("bpf_trace_printk", "bpf_trace_vprintk", "bpf_probe_write_user")

_CALL = 0x85
_MOV64_REG = 0xBF
# Reads an uninitialised register, so the verifier rejects every program with it and none is loaded.
_NEVER = instruction(_MOV64_REG, dst=0, src=9) + instruction(0x95)
_LOG_SIZE = 4096

_KERNEL_READERS = {f"bpf_probe_read{form}" for form in ("", "_str", "_kernel", "_kernel_str")}
_TRACERS = ("kprobe", "tracepoint", "perf_event", "raw_tracepoint", "raw_tracepoint_writable", "tracing")

_YES = yes("kernel", "the verifier accepts a call")
_OTHER_TYPES = no("kernel", "this kernel has it for other program types, or not for this caller")
_ABSENT = no("kernel", "not in this kernel")


def probe_helpers(
    bpf: Bpf,
    layers: Layers,
    *,
    types: t.Sequence[str],
    targets: t.Mapping[str, int | None],
    loud: bool = False,
) -> dict[str, dict[str, Probe]]:
    """Probe every helper in each of the program types. A type that cannot be loaded has no answers.

    :param targets: by program type, the number in the kernel's BTF of a target to attach to
    :param loud: also probe the helpers of LOUD
    :returns: program type -> helper -> answer
    """
    found: dict[str, dict[str, Probe]] = {}
    for kind in types:
        if PROGRAMS[kind].proof and not targets.get(kind):
            found[kind] = {}
            continue
        found[kind] = answers = {}
        for name in HELPERS[1:]:
            if name in LOUD and not loud:
                continue
            if any(answers.get(name) is _ABSENT for answers in found.values()):
                answers[name] = _ABSENT
                continue
            answer = probe_helper(bpf, layers, kind=kind, name=name, target=targets.get(kind) or 0)
            if answer is None:
                break
            answers[name] = answer
    return found


def probe_helper(bpf: Bpf, layers: Layers, *, kind: str, name: str, target: int = 0) -> Probe | None:
    """Probe the running kernel for one helper in one program type.

    :returns: None where a program of that type cannot be loaded
    """
    code = instruction(_CALL, imm=HELPERS.index(name)) + _NEVER
    loaded = load_smallest(bpf, kind, code, btf_id=target, log_size=_LOG_SIZE)
    for dummy in opened(loaded.outcome):
        return _YES
    return judge_helper(loaded, layers, kind, name)


def judge_helper(loaded: Loaded, layers: Layers, kind: str, name: str) -> Probe | None:
    """Judge a call of a helper by the log of the verifier."""
    log = loaded.log
    if "invalid func " in log:
        return _ABSENT
    # Linux 6.11 and later write the second form.
    if "unknown func " in log or "program of this type cannot use helper " in log:
        return _why_refused(layers, kind, name)
    if log:
        return _YES
    return None


def _why_refused(layers: Layers, kind: str, name: str) -> Probe:
    """Judge why a type lacks a helper. Where lockdown or a capability forbids it, the verifier logs the same."""
    if name in _KERNEL_READERS and layers.confidential:
        return no(
            "lockdown", "the kernel is locked down (confidentiality): programs cannot read kernel memory"
        )
    if name == "bpf_probe_write_user" and kind in _TRACERS:
        return write_user_refusal(layers) or _OTHER_TYPES
    return _OTHER_TYPES


def write_user_refusal(layers: Layers) -> Probe | None:
    """Return the layer that refuses bpf_probe_write_user to tracing programs, or None."""
    if layers.locked:
        return no(
            "lockdown", f"the kernel is locked down ({layers.lockdown}): programs cannot write user memory"
        )
    if not layers.host.caller.can(CAP_SYS_ADMIN):
        return no("capability", "the caller lacks CAP_SYS_ADMIN, which programs need to write user memory")
    return None
