#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ebpf_info
short_description: Probe what eBPF programs can do on a host, and which layer refuses the rest
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Loads the smallest program of every type, creates the smallest map of every type, loads programs with a call of every
    helper, and attaches programs with every method. Everything is closed, detached and removed at once.
  - Probes as root and, with O(identity), as the identity that a service has.
  - Each answer is C(yes), C(no) or C(unknown) (the attempt was inconclusive), and names the layer that decided it. The
    layers are C(kernel), C(sysctl), C(capability), C(lockdown), C(seccomp), C(apparmor) and C(mount). Most of them refuse
    with C(EPERM). The module finds the layer with calls that only the kernel itself can answer.
  - Summarizes the answers as profiles, one for each kind of agent.
options:
  subsets:
    description:
      - The subsets to probe. An empty list means all of them.
      - V(helpers) takes most of the time and returns most of the data, so it is not part of the default.
    type: list
    elements: str
    choices: [environment, programs, maps, helpers, attach, profiles]
    default: [environment, programs, maps, attach, profiles]
  identity:
    description:
      - Other identities to probe as. Each probe runs in a transient systemd service.
      - Of O(subsets), V(programs), V(maps), V(attach) and V(profiles) depend on the identity and are probed for each one.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The key of the identity in RV(identities).
        type: str
        required: true
      unit:
        description: A service of the host, whose user, capabilities and system call filter to use.
        type: str
      user:
        description: A user of the host. Without this and without O(identity[].unit), the probe runs as a dynamic user.
        type: str
      capabilities:
        description: The only capabilities to grant, with or without the prefix C(CAP_).
        type: list
        elements: str
        default: []
      limit_memlock:
        description: The limit of locked memory, as C(LimitMEMLOCK=) of a unit.
        type: str
  require:
    description:
      - The profiles of RV(profiles) that must be met. Otherwise the module fails with the reason and the remedy of each.
      - With O(identity), every identity must meet them. Without it, the module's own process must meet them.
    type: list
    elements: str
    choices:
      - kprobe_metrics
      - kprobe_multi_metrics
      - fentry_metrics
      - tracepoint_metrics
      - uprobe_traces
      - network_metrics
      - obi_traces
      - obi_context_propagation
      - obi_go_propagation
    default: []
  helper_types:
    description: With V(helpers) in O(subsets), the program types to probe every helper in. Each type takes the same time.
    type: list
    elements: str
    choices:
      - socket_filter
      - kprobe
      - sched_cls
      - sched_act
      - tracepoint
      - xdp
      - perf_event
      - cgroup_skb
      - cgroup_sock
      - lwt_in
      - lwt_out
      - lwt_xmit
      - sock_ops
      - sk_skb
      - cgroup_device
      - sk_msg
      - raw_tracepoint
      - cgroup_sock_addr
      - lwt_seg6local
      - lirc_mode2
      - sk_reuseport
      - flow_dissector
      - cgroup_sysctl
      - raw_tracepoint_writable
      - cgroup_sockopt
      - tracing
      - struct_ops
      - ext
      - lsm
      - sk_lookup
      - syscall
      - netfilter
    default:
      - socket_filter
      - kprobe
      - sched_cls
      - tracepoint
      - xdp
      - perf_event
      - cgroup_skb
      - sock_ops
      - sk_msg
      - raw_tracepoint
      - tracing
      - lsm
  full:
    description:
      - Also probe C(bpf_probe_write_user), which makes the kernel log a warning, and C(bpf_trace_printk) and
        C(bpf_trace_vprintk), which enable a trace event.
      - Without it, C(obi_go_propagation) is judged from what the kernel requires for C(bpf_probe_write_user), and its reason
        says so.
    type: bool
    default: false
notes:
  - Run the module as root. For another user the answers are correct, but nearly everything needs a capability.
  - Debian's kernel refuses every perf event without C(CAP_SYS_ADMIN) while C(kernel.perf_event_paranoid) is 3, its default.
    Ubuntu's kernel does so at 4. C(CAP_PERFMON) is not enough. fentry, kprobe.multi, uprobe.multi and raw tracepoints need
    no perf event.
  - Since mid-2025 (CVE-2025-38466), C(CAP_PERFMON) is not enough for an uprobe by perf at any value of that setting.
  - Programs of type C(xdp) are loaded, but not attached, because attaching would affect traffic. C(tcx) is tried on an
    interface that does not exist. C(cgroup) is tried on the control group of the module's own process, with a program that
    allows everything.
  - The list of helpers is complete. Since Linux 6.2 the kernel adds kfuncs instead of helpers.
  - The mount options and the AppArmor profile of a unit do not apply to its identity. C(identities.NAME.identity) lists the
    settings that did not apply.
seealso:
  - module: gofleet.hosts.kernel_info
  - module: gofleet.hosts.kernel_symbol_info
  - module: gofleet.hosts.ebpf_inventory_info
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
"""

EXAMPLES = r"""
- name: Probe as root and as a metrics agent
  gofleet.hosts.ebpf_info:
    identity:
      - name: agent
        capabilities: [CAP_BPF, CAP_PERFMON]
  register: ebpf

- name: Show why the agent cannot use kprobes
  ansible.builtin.debug:
    msg: "{{ ebpf.identities.agent.attach.kprobe_perf.reason }} {{ ebpf.identities.agent.attach.kprobe_perf.fix }}"
  when: ebpf.identities.agent.attach.kprobe_perf.answer != "yes"

- name: Fail on a host where the service cannot trace
  gofleet.hosts.ebpf_info:
    subsets: [profiles]
    identity:
      - name: tracer
        unit: obi.service
    require: [obi_traces]
"""

RETURN = r"""
values:
  description:
    - What the host provides for BPF, with O(subsets=environment). Paths are V(null) where nothing is mounted.
    - C(lockdown) is V(null) without the lockdown module. A setting is V(null) where the kernel does not have it or does not
      show it to the caller.
  returned: success
  type: dict
  sample:
    btf: {present: true, bytes: 5678901, modules: 74}
    bpffs: /sys/fs/bpf
    tracefs: /sys/kernel/tracing
    cgroup2: /sys/fs/cgroup
    lockdown: none
    bpf_lsm: false
    jit: {enable: 1, harden: 0, kallsyms: 1, limit: 528482304}
    sysctl: {perf_event_paranoid: 3, unprivileged_bpf_disabled: 2, kptr_restrict: 0, bpf_stats_enabled: 0}
programs:
  description: An answer for each program type. C(fix) is what would change the answer to V(yes), or V(null).
  returned: success
  type: dict
  sample:
    kprobe: {answer: "yes", decided_by: kernel, reason: loaded and closed again, fix: null}
maps:
  description: An answer for each map type.
  returned: success
  type: dict
  sample:
    ringbuf: {answer: "yes", decided_by: kernel, reason: created and closed again, fix: null}
helpers:
  description:
    - An answer for each helper in each type of O(helper_types). A type that cannot be loaded has no answers.
    - Names are those of the kernel's C(enum bpf_func_id), as bpftool prints them.
  returned: with V(helpers) in O(subsets)
  type: dict
  sample:
    kprobe:
      bpf_probe_read_kernel: {answer: "yes", decided_by: kernel, reason: the verifier accepts a call}
attach:
  description:
    - An answer for each attach method, C(kprobe_perf), C(kprobe_tracefs), C(kprobe_multi), C(fentry),
      C(raw_tracepoint), C(tracepoint), C(uprobe_perf), C(uprobe_multi), C(cgroup) and C(tcx).
  returned: success
  type: dict
  sample:
    kprobe_perf:
      answer: "no"
      decided_by: sysctl
      reason: "EACCES: kernel.perf_event_paranoid is 3, which allows perf events only to CAP_SYS_ADMIN; CAP_PERFMON is not enough"
      fix: Set kernel.perf_event_paranoid to 2, or grant CAP_SYS_ADMIN, or attach by fentry, kprobe.multi, uprobe.multi or raw
        tracepoints, which need no perf events.
profiles:
  description:
    - An answer for each kind of agent. C(needs) are the answers that decide, with alternatives separated by C(|).
      C(capabilities) are the capabilities that such an agent has.
    - C(decided_by) is the layer of the need that is hardest to meet. C(reason) names all needs that are not met.
  returned: success
  type: dict
  sample:
    fentry_metrics:
      answer: "yes"
      decided_by: kernel
      reason: everything it needs was tried and works
      fix: null
      needs: [environment btf, maps percpu_hash|hash, attach fentry]
      capabilities: [CAP_BPF, CAP_PERFMON]
identities:
  description: The caller and the answers of each identity, by the name in O(identity).
  returned: success
  type: dict
  sample:
    agent:
      caller: {uid: 61234, capabilities: "0x000000c000000000", seccomp: 2, apparmor: unconfined}
      attach:
        fentry: {answer: "yes", decided_by: kernel, reason: attached and detached again, fix: null}
      profiles: {}
caller:
  description: The identity that was probed. C(seccomp) is 2 under a filter. C(capabilities) is the effective set.
  returned: success
  type: dict
  sample: {uid: 0, capabilities: "0x000001ffffffffff", seccomp: 0, apparmor: unconfined}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ebpf_features.info import ARGUMENTS, read_ebpf
from ..module_utils._errors import HostError
from ..module_utils._run import host_runner


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **read_ebpf(module.params, run=host_runner(module)))
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
