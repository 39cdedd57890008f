#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_symbol_info
short_description: Find out whether functions of the running kernel can be traced, by which method, and with which arguments
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Looks up names of functions in the symbols of the kernel, in the functions that ftrace can trace, in the blacklist of
    kprobes and in BTF, and returns for each attach method whether the kernel accepts the name.
  - Chooses the first of several names that meets the request. Functions are renamed, inlined and specialised from one
    kernel release to the next.
  - Compares the arguments of a function with those that a program expects. If the arguments of a function have changed, a
    program that is attached to it reads wrong values without an error.
  - Each answer is C(yes), C(no) or C(unknown), with the layer that decided it. A list that cannot be read makes an answer
    unknown.
options:
  symbols:
    description:
      - The functions to look for.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The name of the function, exactly as in C(/proc/kallsyms).
        type: str
        required: true
      alternatives:
        description:
          - Other names to try, in order of preference.
          - After these, for a name such as C(sys_open) or C(do_sys_open), the module tries the entry function of that system
            call (C(__x64_sys_open), C(__arm64_sys_open)), where the kernel has it.
        type: list
        elements: str
        default: []
      module:
        description:
          - The name of the kernel module that the function must belong to, or V(vmlinux) for the kernel itself. Empty means any.
        type: str
        default: ""
      methods:
        description:
          - The attach methods that must all work. With an empty list, any one method is enough.
          - V(kprobe_perf) is a kprobe by C(perf_event_open(2)). V(kprobe_tracefs) is a kprobe by C(kprobe_events).
            V(kprobe_multi) is a C(kprobe.multi) link. V(fentry) is a tracing program at the entry of the function.
        type: list
        elements: str
        choices: [kprobe_perf, kprobe_tracefs, kprobe_multi, fentry]
        default: []
      args:
        description:
          - The number of arguments that the function must have, or a list of their types in C.
          - Write types as BTF spells them, which RV(symbols[].prototype) shows, such as V(long unsigned int).
        type: raw
        aliases: [arguments]
  verify:
    description:
      - With V(none), the answers come from the lists only.
      - With V(attach), the module also attaches a program that does nothing to each function, with the requested methods or
        with all, and detaches it at once. The answer of the kernel then overrides that of the lists.
    type: str
    choices: [none, attach]
    default: none
notes:
  - The lists need root. C(available_filter_functions) needs a mounted tracefs, and the blacklist needs debugfs.
  - The answers are about functions. RV(symbols[].attached) with O(verify=attach) shows whether the caller may attach.
  - Where several functions have the name, C(kprobe.multi) and C(fentry) attach to the first that the kernel finds. Kernels
    since the end of 2023 refuse a kprobe by such a name.
  - A C(.cold) or C(.part) symbol is a part that the compiler split off a function. A program can be attached to it, but runs
    on some paths only.
  - With O(verify=attach) and V(kprobe_tracefs), the group C(gofleet_probe_<pid>) has an event for a moment.
seealso:
  - module: gofleet.hosts.kernel_info
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
"""

EXAMPLES = r"""
- name: Find the function that opens files
  gofleet.hosts.kernel_symbol_info:
    symbols:
      - name: do_sys_openat2
        alternatives: [do_sys_open]
        methods: [kprobe_perf]
        args: [int, const char *, struct open_how *]
  register: found

- name: Fail on a kernel where it is not what the program expects
  ansible.builtin.assert:
    that: item.verdict.answer == "yes"
    fail_msg: "{{ item.name }}: {{ item.verdict.reason }}"
  loop: "{{ found.symbols }}"
  loop_control:
    label: "{{ item.name }}"

- name: Attach a program to find out
  gofleet.hosts.kernel_symbol_info:
    symbols:
      - name: tcp_sendmsg
        methods: [fentry, kprobe_multi]
    verify: attach
"""

RETURN = r"""
symbols:
  description: One answer for each entry of O(symbols), in its order.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The requested name.
      returned: success
      type: str
      sample: do_sys_open
    described:
      description: The name that the rest of the entry is about. It is RV(symbols[].chosen), or the requested name where none was chosen.
      returned: success
      type: str
      sample: do_sys_openat2
    chosen:
      description: The first name that meets the request. V(null) where none does.
      returned: success
      type: str
      sample: do_sys_openat2
    verdict:
      description: Whether a name meets the request, and why.
      returned: success
      type: dict
      sample: {answer: "yes", decided_by: kernel, reason: "do_sys_openat2 can be attached by kprobe_perf"}
    methods:
      description: The answer of the lists for each attach method.
      returned: success
      type: dict
      sample:
        kprobe_perf: {answer: "yes", decided_by: kernel, reason: "unique, traceable and not in the blacklist of kprobes"}
        kprobe_tracefs: {answer: "yes", decided_by: kernel, reason: "unique, traceable and not in the blacklist of kprobes"}
        kprobe_multi: {answer: "no", decided_by: kernel, reason: "no kprobe.multi in this kernel (since Linux 5.18, needs CONFIG_FPROBE)"}
        fentry: {answer: "yes", decided_by: kernel, reason: in BTF and traceable}
    kallsyms:
      description:
        - The number of symbols with the name, and the type and the module of the first one.
        - V(null) where the symbols cannot be read.
      returned: success
      type: dict
      contains:
        count:
          description: The number of symbols with this name in the kernel and its modules.
          returned: success
          type: int
          sample: 1
        type:
          description: The letter of the type as C(nm(1)) prints it. V(null) where there is no symbol.
          returned: success
          type: str
          sample: t
        module:
          description: The module that the symbol belongs to. V(null) for the kernel itself.
          returned: success
          type: str
          sample: null
        address_hidden:
          description: Whether addresses are hidden from the caller. V(null) where there is no symbol.
          returned: success
          type: bool
          sample: false
    filterable:
      description: Whether ftrace can trace the function (C(available_filter_functions)). V(null) where the list cannot be read.
      returned: success
      type: bool
      sample: true
    blacklisted:
      description: Whether kprobes refuse the function. V(null) where the list cannot be read.
      returned: success
      type: bool
      sample: false
    candidates:
      description: Other names in this kernel, which are copies and parts that the compiler made of the function, and the system call entry.
      returned: success
      type: list
      elements: str
      sample: [do_sys_openat2.isra.0]
    rejected:
      description: The other names that were tried, and why they do not meet the request.
      returned: success
      type: list
      elements: dict
      sample:
        - name: do_sys_open
          verdict: {answer: "no", decided_by: kernel, reason: "kprobe_perf: do_sys_open is not in /proc/kallsyms"}
    prototype:
      description: The return type of the function and its arguments, from BTF. V(null) where BTF does not have the function.
      returned: success
      type: dict
      sample:
        returns: long int
        arguments: [{name: dfd, type: int}, {name: filename, type: const char *}, {name: how, type: struct open_how *}]
    attached:
      description: The answer of the kernel to a real attach, by method. V(null) with O(verify=none).
      returned: success
      type: dict
      sample:
        kprobe_perf: {answer: "yes", decided_by: kernel, reason: "attached, and detached again"}
caller:
  description: The identity that was probed. C(seccomp) is 2 under a filter. C(capabilities) is the effective set.
  returned: success
  type: dict
  sample: {uid: 0, capabilities: "0x000001ffffffffff", seccomp: 0, apparmor: unconfined}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._errors import HostError
from ..module_utils._kernel_symbol.info import SYMBOL_SPEC, read_requests, read_symbols
from ..module_utils._probe.host import this_host


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "symbols": {"type": "list", "elements": "dict", "required": True, "options": SYMBOL_SPEC},
            "verify": {"type": "str", "choices": ["none", "attach"], "default": "none"},
        },
        supports_check_mode=True,
    )
    try:
        requests = read_requests(module.params["symbols"])
        found = read_symbols(this_host(), requests, attach=module.params["verify"] == "attach")
        module.exit_json(changed=False, **found)
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
