#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ebpf_info
short_description: What eBPF can do on a host, and which layer refuses the rest
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Loads the smallest program of every type, creates the smallest map of every type, asks the verifier for every helper, and
    attaches programs in every way, each for real. Everything is closed, detached and removed again at once.
  - Does so as the superuser and, with O(identity), as the identity that a service would have, which is where agents fail.
  - Each answer is C(yes), C(no) or C(unknown) (the attempt did not tell), and names the layer that decided it. C(kernel),
    C(sysctl), C(capability), C(lockdown), C(seccomp), C(apparmor) and C(mount) all refuse with little more than C(EPERM);
    the module tells them apart by calls that only the kernel itself can answer.
  - Sums the answers up as profiles, one for each kind of agent.
options:
  subsets:
    description:
      - What to look at. An empty list means everything.
      - V(helpers) takes most of the time and returns most of the data, so it is left out unless asked for.
    type: list
    elements: str
    choices: [environment, programs, maps, helpers, attach, profiles]
    default: [environment, programs, maps, attach, profiles]
  identity:
    description:
      - Who else to ask as. Each runs in a transient service of systemd, as the service would.
      - Of O(subsets), V(programs), V(maps), V(attach) and V(profiles) depend on the identity and are asked again for each.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The key of the identity in RV(identities).
        type: str
        required: true
      unit:
        description: A service of the host, whose user, capabilities and system call filter to take.
        type: str
      user:
        description: A user of the host. Without it and without O(identity[].unit), a dynamic user.
        type: str
      capabilities:
        description: The capabilities to grant, with or without the prefix C(CAP_). No others are held.
        type: list
        elements: str
        default: []
      limit_memlock:
        description: The limit of locked memory, as C(LimitMEMLOCK=) of a unit.
        type: str
  require:
    description:
      - Profiles of RV(profiles) that must be met. The module fails otherwise, with the reason and the remedy of each.
      - With O(identity), every identity must meet them; without, the module's own process.
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
    description: With V(helpers) in O(subsets), the types of programs to probe every helper in. Each takes the same time.
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
      - Probe C(bpf_probe_write_user) too, which makes the kernel log a warning, and C(bpf_trace_printk) and C(bpf_trace_vprintk),
        which switch a trace event on.
      - Without it C(obi_go_propagation) is judged by what the kernel asks for that helper, and says so.
    type: bool
    default: false
notes:
  - Run it as root. Another user is asked about truthfully, but is told that nearly everything needs a capability.
  - Debian's kernel refuses every perf event to those without C(CAP_SYS_ADMIN) while C(kernel.perf_event_paranoid) is 3, its
    default, and Ubuntu's at 4. C(CAP_PERFMON) does not help. fentry, kprobe.multi, uprobe.multi and raw tracepoints do not need it.
  - Since mid-2025 (CVE-2025-38466) kernels open no uprobe by perf for C(CAP_PERFMON) alone, whatever that setting is.
  - Programs of type C(xdp) are loaded, but not attached, because that would touch traffic. C(tcx) is tried on an interface that
    is not there, and C(cgroup) on the control group of the module's own process, with a program that lets everything pass.
  - Helpers are a closed list. What the kernel offers to programs since Linux 6.2 are functions of its own (kfuncs).
  - An identity is asked without the mount options and the AppArmor profile of its unit. C(identities.NAME.identity) names what was left out.
seealso:
  - module: gofleet.hosts.kernel_info
  - module: gofleet.hosts.kernel_symbol_info
  - module: gofleet.hosts.ebpf_inventory_info
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
"""

EXAMPLES = r"""
- name: Read what the superuser and a metrics agent may do
  gofleet.hosts.ebpf_info:
    identity:
      - name: agent
        capabilities: [CAP_BPF, CAP_PERFMON]
  register: ebpf

- name: Say why the agent cannot use kprobes
  ansible.builtin.debug:
    msg: "{{ ebpf.identities.agent.attach.kprobe_perf.reason }} {{ ebpf.identities.agent.attach.kprobe_perf.fix }}"
  when: ebpf.identities.agent.attach.kprobe_perf.answer != "yes"

- name: Refuse a host on which the service could not trace
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
    - What BPF finds on the host, with O(subsets=environment). Paths are V(null) where nothing is mounted.
    - C(lockdown) is V(null) without the lockdown module, a setting where the kernel does not have it, or does not show it to the caller.
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
  description: An answer for each type of program. C(fix) is what would make it a yes, or V(null).
  returned: success
  type: dict
  sample:
    kprobe: {answer: "yes", decided_by: kernel, reason: loaded and closed again, fix: null}
maps:
  description: An answer for each type of map.
  returned: success
  type: dict
  sample:
    ringbuf: {answer: "yes", decided_by: kernel, reason: created and closed again, fix: null}
helpers:
  description:
    - An answer for each helper in each type of O(helper_types). A type that cannot be loaded has none.
    - Names are those of the kernel's C(enum bpf_func_id), as bpftool prints them.
  returned: with V(helpers) in O(subsets)
  type: dict
  sample:
    kprobe:
      bpf_probe_read_kernel: {answer: "yes", decided_by: kernel, reason: the verifier accepts a call}
attach:
  description:
    - An answer for each way to attach a program, C(kprobe_perf), C(kprobe_tracefs), C(kprobe_multi), C(fentry),
      C(raw_tracepoint), C(tracepoint), C(uprobe_perf), C(uprobe_multi), C(cgroup) and C(tcx).
  returned: success
  type: dict
  sample:
    kprobe_perf:
      answer: "no"
      decided_by: sysctl
      reason: "EACCES: kernel.perf_event_paranoid is 3, which leaves perf events to CAP_SYS_ADMIN alone; CAP_PERFMON is not enough"
      fix: Set kernel.perf_event_paranoid to 2, or grant CAP_SYS_ADMIN, or attach by fentry, kprobe.multi, uprobe.multi or raw
        tracepoints, which do without perf events.
profiles:
  description:
    - An answer for each kind of agent. C(needs) are what it was judged by, with alternatives separated by C(|), and
      C(capabilities) what such an agent holds.
    - C(decided_by) is the layer of the first need that is not met; C(reason) names all of them.
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
  description: By the name of O(identity), who asked and the answers to it.
  returned: success
  type: dict
  sample:
    agent:
      caller: {uid: 61234, capabilities: "0x000000c000000000", seccomp: 2, apparmor: unconfined}
      attach:
        fentry: {answer: "yes", decided_by: kernel, reason: attached and detached again, fix: null}
      profiles: {}
caller:
  description: Who asked. C(seccomp) is 2 under a filter; C(capabilities) is the effective set.
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
