#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: go_binary_info
short_description: Find the Go programs on a host, and read how they were built, who runs them and whether they start
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Finds programs that Go built, under given paths and among the running processes. It reads the build information that Go's
    linker wrote into their ELF files. The host needs no Go.
  - Returns for each program the version of Go, the modules and build settings, how it is linked, and whether it starts on this
    host. If it does not start, it returns the layer that prevents it.
  - Returns for each process the unit, and its effective limits, capabilities and confinement.
  - A file that is damaged, unreadable or not a Go program never fails the task. RV(passed_over) reports it where that matters.
options:
  paths:
    description:
      - Absolute paths of files, and of directories to search recursively.
      - Links named here are followed. Links inside directories are not.
      - Virtual file systems of the kernel (C(/proc), C(/sys)) are not searched. Network file systems are searched only if they
        are named here.
    type: list
    elements: path
    default: []
  processes:
    description:
      - Whether to look at the programs of running processes, including those whose file was deleted or replaced.
      - An unprivileged user sees only the user's own processes.
    type: bool
    default: true
  dependencies:
    description: Whether to return the modules that each program was built from. A large program has some hundred.
    type: bool
    default: true
  checksum:
    description: Whether to return the SHA-256 of each program. This reads the whole file.
    type: bool
    default: false
  only_executable:
    description: Whether to look only at executable files in directories.
    type: bool
    default: true
  max_files:
    description: The number of directory entries after which the search stops. RV(passed_over) reports where it stopped.
    type: int
    default: 500000
  max_bytes:
    description:
      - The maximum number of bytes to read from one file.
      - A larger program is still described, because only some kilobytes of it are needed. But its RV(binaries[].sha256) is
        V(null), and the search for build information is limited if its sections were removed.
    type: int
    default: 268435456
  newest_go:
    description:
      - The newest minor of Go, such as V(1.27), in quotes. This minor and the one before get security fixes.
      - The default is the newest minor that this release of the collection knows. When a newer one is due (Go has releases in
        February and August), RV(binaries[].supported) of the older one becomes V(unknown).
    type: str
notes:
  - C(starts_here) is about the file on disk. Libraries that other libraries need are not checked, and C(LD_LIBRARY_PATH) of a
    unit is not known. For a program that runs now it is V(yes).
  - The version of glibc is the highest C(GLIBC_x.y) that its C(libc.so.6) defines. A release of glibc without new symbols
    defines no version.
  - Programs of Go older than 1.13 have no build information and are not found. Programs packed with UPX are not found either.
  - Only the variables of Go's runtime are read from the environment of a process. Others may contain secrets.
seealso:
  - module: gofleet.hosts.kernel_info
  - name: Build information in Go
    description: What the fields mean.
    link: https://pkg.go.dev/runtime/debug#BuildInfo
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
"""

EXAMPLES = r"""
- name: Read the running programs
  gofleet.hosts.go_binary_info:
  register: go

- name: Name the processes that still run a build that was replaced
  ansible.builtin.debug:
    msg: "{{ item.path }} {{ item.go_version }}: {{ item.processes | map(attribute='unit') | join(', ') }}"
  loop: "{{ go.binaries | rejectattr('on_disk') }}"
  loop_control:
    label: "{{ item.path }}"

- name: Read the installed programs
  gofleet.hosts.go_binary_info:
    paths: [/usr/local/bin, /opt, /srv]
    checksum: true
  register: installed

- name: Refuse a program that would not start
  ansible.builtin.assert:
    that: item.starts_here.answer != "no"
    fail_msg: "{{ item.path }}: {{ item.starts_here.reason }}"
  loop: "{{ installed.binaries }}"
  loop_control:
    label: "{{ item.path }}"

- name: Name the newest minor of Go
  gofleet.hosts.go_binary_info:
    paths: [/opt/gofleet]
    processes: false
    newest_go: "1.28"
"""

RETURN = r"""
binaries:
  description: The programs, sorted by path.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The file, with links resolved. For a process with another root directory, the path inside that root.
      type: str
      sample: /opt/gofleet/hello/1.4.2/hello
    paths:
      description: All names of the file that were found, including hard links and the names given in O(paths).
      type: list
      elements: str
      sample: [/opt/gofleet/hello/1.4.2/hello, /opt/gofleet/hello/current/hello]
    on_disk:
      description: V(false) for a file that was deleted and that a process still runs.
      type: bool
      sample: true
    go_version: {description: "The version of Go that built it, with its experiments.", type: str, sample: go1.26.6}
    supported:
      description: Whether its minor gets security fixes, V(yes), V(no) or V(unknown). V(no) for previews and development versions.
      type: str
      sample: "yes"
    toolchain_age_days:
      description: Days since the first release of its minor. V(null) for a minor that this collection does not know.
      type: int
      sample: 285
    package: {description: The import path of the main package., type: str, sample: example.com/hello}
    main:
      description:
        - The module of the main package. All values are V(null) if it has no module.
        - C(version) is C((devel)) if Go did not know the version.
      type: dict
      sample: {path: example.com/hello, version: v1.4.2, sum: null, replace: null}
    deps:
      description: The other modules, each with its replacement, if any.
      type: list
      elements: dict
      sample:
        - {path: golang.org/x/sync, version: v0.18.0, sum: "h1:kr88TuHDroi+UVf+0hZnirlk8o8T+4MrK6mr60WkH/I=", replace: null}
    deps_count: {description: "Number of the other modules, also without O(dependencies).", type: int, sample: 1}
    settings:
      description: The build settings that Go recorded. Empty before Go 1.18.
      type: dict
      sample: {-buildmode: exe, -trimpath: "true", CGO_ENABLED: "0", GOAMD64: v1, GOARCH: amd64, GOOS: linux}
    goos: {description: The operating system. V(null) before Go 1.18., type: str, sample: linux}
    goarch: {description: "The architecture, as Go names it.", type: str, sample: amd64}
    level:
      description: The processor level that it was built for. V(null) for an architecture without levels.
      type: str
      sample: v1
    goamd64: {description: The same for amd64 only., type: str, sample: v1}
    cgo:
      description:
        - Whether cgo was enabled. RV(binaries[].libraries) has the C libraries that are needed because of it.
        - V(null) before Go 1.18.
      type: bool
      sample: false
    pie: {description: Whether it can be loaded at any address., type: bool, sample: false}
    static:
      description:
        - Whether it needs neither an interpreter nor libraries.
        - A position-independent program without cgo needs the interpreter.
      type: bool
      sample: true
    stripped: {description: Whether it has no symbol table. V(null) in a truncated file., type: bool, sample: true}
    dwarf: {description: Whether it has debugging information. V(null) in a truncated file., type: bool, sample: false}
    interpreter: {description: The dynamic loader that it names., type: str, sample: /lib64/ld-linux-x86-64.so.2}
    libraries: {description: The shared libraries that it needs., type: list, elements: str, sample: [libc.so.6]}
    glibc:
      description: The version of glibc that it needs, and the version of the host. V(null) for none.
      type: dict
      sample: {needed: "2.34", host: "2.41"}
    build_id: {description: Go's own build ID., type: str, sample: 0v8SscjWr5FV/TR8JSo_fNNjs/TGbz77jbu1ve/w3itcI72pSoE}
    gnu_build_id: {description: "The build ID of the GNU tools, in hexadecimal.", type: str, sample: 797d27fdf1e59310}
    size: {description: In bytes., type: int, sample: 6242466}
    mode: {description: Permissions of the file in octal., type: str, sample: "0755"}
    uid: {description: Owner of the file., type: int, sample: 0}
    gid: {description: Group of the file., type: int, sample: 0}
    modified:
      description:
        - When the file was last written, in UTC.
        - A build from a repository has the time of the commit in C(settings['vcs.time']).
      type: str
      sample: "2026-11-22T22:46:03Z"
    sha256:
      description: V(null) without O(checksum), and for a file of more than O(max_bytes).
      type: str
      sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    starts_here:
      description:
        - Whether it starts on this host, and the layer that decided it.
        - C(decided_by) is C(process) (it runs now), C(file), C(mount), C(arch), C(cpu) (the level), C(kernel), C(loader),
          C(library) or C(glibc).
      type: dict
      sample:
        answer: "no"
        decided_by: glibc
        reason: "needs glibc 2.38 (libc.so.6: GLIBC_2.38), this host has 2.36"
    processes:
      description:
        - The processes that run it now, as the kernel reports them.
        - C(unit) is V(null) outside of a unit. C(uid) is the effective user. C(started) is in UTC.
        - C(deleted) is V(true) if the file was removed or replaced by another build. C(other_root) is V(true) if the process has
          another root directory (a container, or C(RootDirectory=)).
        - C(seccomp) is 2 with a filter. C(capabilities) is the effective set in hexadecimal. C(apparmor) is the label.
        - In C(limits) and C(cgroup), V(null) means unlimited. C(cgroup) has the limits of its own group (cgroup v2), sizes in
          bytes. C(effective) has the lowest limits of this group and the groups above it, and C(decided_by) names the group that
          sets each.
        - C(environment_go) has the variables C(GODEBUG), C(GOGC), C(GOMAXPROCS), C(GOMEMLIMIT) and C(GOTRACEBACK) with which it
          was started. V(null) if they cannot be read.
      type: list
      elements: dict
      sample:
        - pid: 812
          unit: hello.service
          comm: hello
          uid: 64213
          deleted: false
          other_root: false
          started: "2026-11-22T22:46:05Z"
          seccomp: 2
          no_new_privs: true
          capabilities: "0x0000000000000000"
          apparmor: gofleet.hello (enforce)
          limits: {nofile: {soft: 524288, hard: 524288}}
          cgroup:
            path: /system.slice/hello.service
            memory_max: 268435456
            cpu_max: {quota_us: 150000, period_us: 100000, cpus: 1.5}
            effective: {memory_max: 268435456, memory_high: null, pids_max: 4915, cpus: 1.5}
          environment_go: {GOMEMLIMIT: 230MiB}
passed_over:
  description:
    - What was not read, and why. Processes that the kernel does not show are counted in one entry.
    - A file that Go did not build is reported only if it is named in O(paths).
  returned: success
  type: list
  elements: dict
  sample:
    - {path: /opt/broken, reason: it ends within its table of segments}
    - {path: /root/bin, reason: Permission denied}
counts:
  description:
    - The numbers of directory entries and ELF files under O(paths), of Go programs, of processes, and of processes that run a
      Go program.
  returned: success
  type: dict
  sample: {entries: 1732, elf: 811, go: 9, processes: 61, go_processes: 3}
newest_go:
  description: The newest minor, from which RV(binaries[].supported) follows. C(certain) is V(false) when a newer one is due.
  returned: success
  type: dict
  sample: {version: "1.27", certain: true, known_on: "2026-11-22"}
host:
  description: The properties of the host that programs were compared with.
  returned: success
  type: dict
  sample: {machine: x86_64, kernel: 6.12.48-amd64, glibc: "2.41", goamd64: v3}
caller:
  description: The identity that the module ran as. An unprivileged user cannot see files and processes of others.
  returned: success
  type: dict
  sample: {uid: 0, capabilities: "0x000001ffffffffff", seccomp: 0, apparmor: unconfined}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._errors import HostError
from ..module_utils._go_binary.info import read_go_binary_info


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "paths": {"type": "list", "elements": "path", "default": []},
            "processes": {"type": "bool", "default": True},
            "dependencies": {"type": "bool", "default": True},
            "checksum": {"type": "bool", "default": False},
            "only_executable": {"type": "bool", "default": True},
            "max_files": {"type": "int", "default": 500000},
            "max_bytes": {"type": "int", "default": 268435456},
            "newest_go": {"type": "str"},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(changed=False, **read_go_binary_info(module.params, root="/"))
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
