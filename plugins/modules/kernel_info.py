#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_info
short_description: What the running kernel can really do
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Finds capabilities of the running kernel by trying them. The release number only explains, it never decides.
  - Each capability has one of three answers, C(yes), C(no) or C(unknown) (the attempt did not tell), and names the layer
    that decided it.
  - Tells as well what a Go service runs into, which is the level of the processor, the clock, settings with the file that wins at
    boot, and the limits of its unit.
  - The answers are those for the identity that the module runs as. The same host gives others to root, to an unprivileged
    user, and to a service with a seccomp filter.
  - Every attempt is harmless. System calls are made with arguments that they must refuse or that ask for nothing, open a descriptor
    that is closed at once, or are made in a child that ends right after.
options:
  subsets:
    description:
      - What to look at. An empty list means everything.
    type: list
    elements: str
    choices: [release, cpu, numa, clock, lsm, seccomp, cgroup, sysctl, limits, thp, psi, syscalls]
    default: []
  units:
    description:
      - Units of systemd whose limits to tell, whatever O(subsets) says. A name without a suffix is that of a service.
      - All of them are asked for with one call of C(systemctl), and the defaults of the host with another.
      - A unit that does not exist, and a host without systemd, give an entry with a C(reason) and no failure.
    type: list
    elements: str
    default: []
notes:
  - A call that is answered with C(ENOSYS) under a seccomp filter is reported as decided by C(seccomp), because a filter may
    answer so for a call that the kernel has.
  - O(subsets=limits) tells the limits of the module's own process. A service has those of its unit, see O(units).
  - A Go program raises its soft limit of open files to the hard one when it starts (Go 1.19), so for one that runs RV(values) shows
    both alike.
  - Origins of settings follow the rules of C(systemd-sysctl). A program that sets one later (a container engine, a module's own
    script) leaves no trace, and shows as a value that no file has. Where C(/proc/sys) is read-only, as in a container, boot sets nothing.
seealso:
  - module: gofleet.hosts.io_uring_info
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
"""

EXAMPLES = r"""
- name: Read what the kernel can do
  gofleet.hosts.kernel_info:
  register: kernel

- name: Refuse a host without pressure information
  ansible.builtin.assert:
    that: kernel.capabilities.psi.answer == "yes"
    fail_msg: "{{ kernel.capabilities.psi.reason }}"

- name: Read only the settings
  gofleet.hosts.kernel_info:
    subsets: [sysctl, limits]
  register: settings

- name: Show what the next boot will change
  ansible.builtin.debug:
    msg: "{{ item.key }} is {{ item.value.live }}: {{ item.value.reason }}"
  loop: "{{ settings['values'].sysctl_origin | dict2items | selectattr('value.overridden') }}"
  loop_control:
    label: "{{ item.key }}"

- name: Read the limits of two services
  gofleet.hosts.kernel_info:
    subsets: [cpu]
    units: [hello, prometheus.service]
  register: services

- name: Refuse a service whose quota Go does not see
  ansible.builtin.assert:
    that: services['values'].units.hello.cgroup.gomaxprocs_reason is none
    fail_msg: "{{ services['values'].units.hello.cgroup.gomaxprocs_reason }}"
"""

RETURN = r"""
capabilities:
  description:
    - One answer for each capability of the subsets read.
    - O(subsets=release) has C(btf). O(subsets=cpu) has C(goamd64_v2), C(goamd64_v3), C(goamd64_v4), or C(goarm64_lse).
      O(subsets=numa) has C(numa) (more than one node). O(subsets=clock) has C(fast_clock) (V(no) means that each C(time.Now) is a
      system call) and C(time_namespaces). O(subsets=lsm) has C(apparmor), C(bpf_lsm), C(landlock), C(selinux), C(yama),
      C(unprivileged_userns). O(subsets=seccomp) has C(seccomp_filter).
      O(subsets=cgroup) has C(cgroup_v2) and C(cgroup_<controller>). O(subsets=thp) has C(thp), O(subsets=psi) has C(psi).
      O(subsets=syscalls) has one for each system call of its table.
  returned: success
  type: dict
  sample:
    apparmor: {answer: "yes", decided_by: kernel, reason: AppArmor is enabled}
    bpf:
      answer: "no"
      decided_by: sysctl
      reason: "EPERM: kernel.unprivileged_bpf_disabled is 2 and the caller lacks CAP_BPF"
    fast_clock:
      answer: "no"
      decided_by: kernel
      reason: "the clock source is hpet: each time.Now is a system call"
    goamd64_v3:
      answer: "no"
      decided_by: kernel
      reason: "a program built with GOAMD64=v3 ends at start: no movbe"
    pidfd_open: {answer: "yes", decided_by: kernel, reason: "tried, it works"}
values:
  description:
    - Plain values, by subset. A value that the kernel does not have is V(null).
    - Sizes are in bytes, pressure averages in percent of time and totals in microseconds. An unlimited limit is V(null).
    - C(cpu.level) is the highest C(GOAMD64) or C(GOARM64) that the processor runs, as far as the kernel tells programs of it
      (on arm64 at most V(v9.0)), and V(null) with a C(reason) elsewhere; C(missing_for_next) are the flags that the level after it
      demands. On arm64 C(cpu.options) says which of C(lse) and C(crypto) may be added.
    - C(numa.nodes) gives the processors and the memory of each node. C(numa.balancing) is 0 where the kernel moves no pages.
    - C(clock.offsets) are the seconds that the time namespace of this process adds to each clock.
    - C(lsm.apparmor.profiles) counts the loaded profiles by mode. C(lsm.selinux) is V(enforcing), V(permissive) or V(null).
    - C(seccomp) is the filter that the caller is under, and the answers that a filter of this kernel may give.
    - C(sysctl) has a number, a list of numbers, or text for each setting.
    - C(sysctl_origin) comes with O(subsets=sysctl). C(file), C(line) and C(value) are the line that set the live value, as far as
      values tell, and V(null) where no file has that value. C(wins), C(wins_line) and C(boot_value) are the line that decides at
      boot. C(overridden) says that the two values differ, so that the next boot changes what is live.
    - C(syscalls.go) names who in Go makes each of the calls that Go makes.
    - C(units) and C(unit_defaults) come with O(units). C(limits) are those of the process where the unit runs (C(source=process)),
      and what systemd would give otherwise (C(source=systemd)). In C(cgroup), C(effective) is the tightest on the way up from the
      group of the unit, and C(decided_by) names the group of each that is above it. C(gomaxprocs_reason) is a sentence where a
      group above allows fewer processors than the unit's own, which the Go runtime does not see.
      C(unit_defaults) is what a unit gets that says nothing.
  returned: success
  type: dict
  sample:
    release: {release: 6.12.48-amd64, machine: x86_64}
    cpu: {goarch: amd64, level: v2, model: Xeon, missing_for_next: [movbe], reason: null}
    numa:
      nodes: [{node: 0, cpus: 0-3, memory_bytes: 8589934592, free_bytes: 4294967296, distance: [10]}]
      balancing: 0
      zone_reclaim: 0
    clock:
      clocksource: tsc
      available: [tsc, hpet, acpi_pm]
      time_namespace: 4026531834
      initial_time_namespace: true
      offsets: {monotonic: 0.0, boottime: 0.0}
    lsm:
      active: [capability, landlock, yama, apparmor]
      lockdown: none
      apparmor: {profiles: {enforce: 3, complain: 1}, reason: null}
      selinux: null
      yama_ptrace_scope: 1
      ima_measurements: null
    seccomp: {mode: disabled, filters: 0, no_new_privileges: false, actions: [kill_process, errno, allow]}
    cgroup: {mode: unified, version: 2, controllers: [cpuset, cpu, io, memory, pids]}
    sysctl: {net.core.somaxconn: 4096, net.ipv4.tcp_rmem: [4096, 131072, 6291456], kernel.core_pattern: core}
    sysctl_origin:
      net.core.somaxconn:
        live: 65535
        file: /etc/sysctl.d/10-web.conf
        line: 2
        value: 65535
        boot_value: 1024
        wins: /etc/sysctl.d/99-vendor.conf
        wins_line: 7
        overridden: true
        reason: "/etc/sysctl.d/10-web.conf:2, and at boot /etc/sysctl.d/99-vendor.conf:7 wins with 1024"
    limits: {nofile: {soft: 1024, hard: 524288}}
    thp: {enabled: always, defrag: madvise, max_ptes_none: 511}
    psi: {memory: {some: {avg10: 0.0, avg60: 0.0, avg300: 0.0, total: 0.0}}}
    syscalls: {landlock_abi: 6, go: {futex: "runtime: locks and sleeping threads"}}
    units:
      hello:
        limits: {nofile: {soft: 65536, hard: 65536}, nproc: {soft: 2794, hard: 2794}, memlock: {soft: 8388608, hard: 8388608}}
        source: process
        pid: 812
        reason: null
        cgroup:
          path: /web.slice/hello.service
          source: kernel
          memory_max: 536870912
          memory_high: null
          pids_max: 838
          cpu_max: {quota_us: 200000, period_us: 100000, cpus: 2.0}
          io_max: {}
          effective: {memory_max: 536870912, memory_high: null, pids_max: 838, cpus: 0.5}
          decided_by: {cpus: /web.slice}
          gomaxprocs_reason: >-
            cpu.max of /web.slice allows 0.5 processors and the unit's own 2: Go 1.25 and later read the unit's own alone,
            so set GOMAXPROCS or the quota of the unit
    unit_defaults:
      limits: {nofile: {soft: 1024, hard: 524288}}
      pids_max: 838
      reason: null
caller:
  description: Who asked. C(seccomp) is 2 under a filter; C(capabilities) is the effective set.
  returned: success
  type: dict
  sample: {uid: 0, capabilities: "0x000001ffffffffff", seccomp: 0, apparmor: unconfined}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._errors import HostError
from ..module_utils._kernel.info import SUBSETS, read_kernel
from ..module_utils._probe.host import this_host
from ..module_utils._run import host_runner


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "subsets": {"type": "list", "elements": "str", "choices": list(SUBSETS), "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        facts = read_kernel(this_host(), run=host_runner(module), **module.params)
        module.exit_json(changed=False, **facts)
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
