#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_info
short_description: Probe the capabilities of the running kernel
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Probes capabilities of the running kernel by trying them. The release number appears in reasons, but never decides.
  - Each capability has one of three answers, C(yes), C(no) or C(unknown) (the attempt was inconclusive), and names the layer
    that decided it.
  - Also returns what affects a Go service. This is the level of the processor, the clock, sysctl settings with the file that
    wins at boot, and the limits of its unit.
  - The answers apply to the identity that the module runs as. On the same host, root, an unprivileged user and a service
    with a seccomp filter get different answers.
  - Every attempt is harmless. A system call gets arguments that the kernel refuses or that do nothing, or opens a descriptor
    that is closed at once, or is made in a child process that then exits.
options:
  subsets:
    description:
      - The subsets to probe. An empty list means all of them.
    type: list
    elements: str
    choices: [release, cpu, numa, clock, lsm, seccomp, cgroup, sysctl, limits, thp, psi, syscalls]
    default: []
  units:
    description:
      - Systemd units whose limits to return, with any O(subsets). A name without a suffix is the name of a service.
      - One call of C(systemctl) reads all units, and another reads the defaults of the host.
      - For a unit that does not exist, and on a host without systemd, the entry has a C(reason). The module does not fail.
    type: list
    elements: str
    default: []
notes:
  - A call that returns C(ENOSYS) under a seccomp filter is reported as decided by C(seccomp), because a filter may
    return it for a call that the kernel has.
  - O(subsets=limits) returns the limits of the module's own process. A service has the limits of its unit, see O(units).
  - A Go program raises its soft limit of open files to the hard limit when it starts (Go 1.19). For a running Go program,
    RV(values) therefore shows the same number for both.
  - Origins of settings follow the rules of C(systemd-sysctl). A program that sets a value later, such as a container engine,
    leaves no record. Such a value appears as one that no file has. Where C(/proc/sys) is read-only, as in a container, boot
    sets nothing.
seealso:
  - module: gofleet.hosts.io_uring_info
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
"""

EXAMPLES = r"""
- name: Probe the kernel
  gofleet.hosts.kernel_info:
  register: kernel

- name: Fail on a host without pressure stall information
  ansible.builtin.assert:
    that: kernel.capabilities.psi.answer == "yes"
    fail_msg: "{{ kernel.capabilities.psi.reason }}"

- name: Read only settings and limits
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

- name: Fail if Go does not read the quota that limits a service
  ansible.builtin.assert:
    that: services['values'].units.hello.cgroup.gomaxprocs_reason is none
    fail_msg: "{{ services['values'].units.hello.cgroup.gomaxprocs_reason }}"
"""

RETURN = r"""
capabilities:
  description:
    - One answer for each capability of the subsets.
    - O(subsets=release) has C(btf). O(subsets=cpu) has C(goamd64_v2), C(goamd64_v3), C(goamd64_v4), or C(goarm64_lse).
      O(subsets=numa) has C(numa) (more than one NUMA node). O(subsets=clock) has C(fast_clock) (V(no) means that each C(time.Now) is a
      system call) and C(time_namespaces). O(subsets=lsm) has C(apparmor), C(bpf_lsm), C(landlock), C(selinux), C(yama),
      C(unprivileged_userns). O(subsets=seccomp) has C(seccomp_filter).
      O(subsets=cgroup) has C(cgroup_v2) and C(cgroup_<controller>). O(subsets=thp) has C(thp), O(subsets=psi) has C(psi).
      O(subsets=syscalls) has one for each system call that it probes.
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
      reason: "a program built with GOAMD64=v3 exits at start: the processor lacks movbe"
    pidfd_open: {answer: "yes", decided_by: kernel, reason: "tried, it works"}
values:
  description:
    - Values by subset. A value that the kernel does not have is V(null).
    - Sizes are in bytes, pressure averages in percent of time and totals in microseconds. An unlimited limit is V(null).
    - C(cpu.level) is the highest C(GOAMD64) or C(GOARM64) level that the processor supports according to C(/proc/cpuinfo)
      (on arm64 at most V(v9.0)). On other architectures it is V(null) with a C(reason).
    - C(cpu.missing_for_next) are the flags that the next level requires and the processor lacks. On arm64, C(cpu.options)
      lists those of C(lse) and C(crypto) that can be added.
    - C(numa.nodes) are the processors and the memory of each node. C(numa.balancing) is 0 where the kernel moves no pages
      between nodes.
    - C(clock.offsets) are the seconds that the time namespace of this process adds to each clock.
    - C(lsm.apparmor.profiles) counts the loaded profiles by mode. C(lsm.selinux) is V(enforcing), V(permissive) or V(null).
    - C(seccomp) is the mode and the number of filters of the caller, and the actions that a filter of this kernel can return.
    - C(sysctl) has a number, a list of numbers, or text for each setting.
    - C(sysctl_origin) is returned with O(subsets=sysctl). C(file), C(line) and C(value) are the line that set the live value,
      found by comparing values. They are V(null) where no file has that value.
    - In C(sysctl_origin), C(wins), C(wins_line) and C(boot_value) are the line that decides at boot. C(overridden) is true
      where the two values differ, so that the next boot changes the live value.
    - C(syscalls.go) names the part of Go that makes each call. It lists only calls that Go makes.
    - C(units) and C(unit_defaults) are returned with O(units). C(limits) are the limits of the process where the unit runs
      (C(source=process)), else those that systemd would set (C(source=systemd)).
    - In C(units.UNIT.cgroup), C(effective) holds the lowest limit of the unit's control group and the groups above it.
      C(decided_by) names the group of each limit that the unit does not set itself.
    - C(gomaxprocs_reason) is a sentence where a group above the unit allows fewer processors than the unit's own limit, which
      the Go runtime does not read.
    - C(unit_defaults) are the limits of a unit that sets none.
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
            cpu.max of /web.slice allows 0.5 processors and the unit's own 2: Go 1.25 and later read only the unit's own,
            so set GOMAXPROCS or the quota of the unit
    unit_defaults:
      limits: {nofile: {soft: 1024, hard: 524288}}
      pids_max: 838
      reason: null
caller:
  description: The identity that was probed. C(seccomp) is 2 under a filter. C(capabilities) is the effective set.
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
