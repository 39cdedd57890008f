#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_symbol_info
short_description: Whether functions of the running kernel can be traced, by which method, and with which arguments
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Looks names of functions up where the kernel looks them up, in its symbols, in the functions that ftrace knows, in the
    blacklist of kprobes and in its type information, and tells for each attach method whether the kernel will take the name.
  - Of several names for the same purpose, the first that fulfils the wish is chosen. Functions are renamed, inlined and
    specialised from one kernel to the next.
  - Compares the arguments of a function with those that a program expects. A program that is attached to a function whose
    arguments moved reads wrong values without an error.
  - Each answer is C(yes), C(no) or C(unknown), with the layer that decided it. A list that cannot be read makes an answer
    unknown.
options:
  symbols:
    description:
      - The functions that are wished for.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the function, exactly as in C(/proc/kallsyms).
        type: str
        required: true
      alternatives:
        description:
          - Names that would do as well, in the order of preference.
          - After these, for a name like C(sys_open) or C(do_sys_open), the entry of that system call is tried (C(__x64_sys_open),
            C(__arm64_sys_open)), where the kernel has it.
        type: list
        elements: str
        default: []
      module:
        description:
          - Name of the kernel module that the function must belong to, V(vmlinux) for the kernel itself. Empty means any.
        type: str
        default: ""
      methods:
        description:
          - Attach methods that must all work. An empty list means that one that works is enough.
          - V(kprobe_perf) is a kprobe by C(perf_event_open(2)), V(kprobe_tracefs) one by C(kprobe_events), V(kprobe_multi) a
            C(kprobe.multi) link, V(fentry) a tracing program at the entry.
        type: list
        elements: str
        choices: [kprobe_perf, kprobe_tracefs, kprobe_multi, fentry]
        default: []
      args:
        description:
          - How many arguments the function must have, or a list of their types as C writes them.
          - Of types that have several spellings, the one of BTF counts, as RV(symbols[].prototype) shows it (V(long unsigned int)).
        type: raw
        aliases: [arguments]
  verify:
    description:
      - V(none) answers from the lists alone.
      - V(attach) also attaches a program that does nothing to each function looked at, by the methods of the wish, or by all, and
        detaches it at once. What the kernel answers then counts more than the lists.
    type: str
    choices: [none, attach]
    default: none
notes:
  - The lists need the superuser. C(available_filter_functions) needs tracefs to be mounted, the blacklist needs debugfs.
  - The answers are about functions. Whether the caller may attach at all is told by RV(symbols[].attached) of O(verify=attach).
  - By name, C(kprobe.multi) and C(fentry) attach to one function, the first that the kernel finds, also where several have the
    name. A kprobe by name is refused then, by kernels since the end of 2023.
  - A C(.cold) or C(.part) symbol is a piece of a function. It can be attached to, and tells next to nothing.
  - With O(verify=attach) and V(kprobe_tracefs), an event of the group C(gofleet_probe_<pid>) exists for a moment.
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
  register: wishes

- name: Refuse a kernel in which it is not what the program expects
  ansible.builtin.assert:
    that: item.verdict.answer == "yes"
    fail_msg: "{{ item.name }}: {{ item.verdict.reason }}"
  loop: "{{ wishes.symbols }}"
  loop_control:
    label: "{{ item.name }}"

- name: Try for real
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
      description: The name that was wished for.
      returned: success
      type: str
      sample: do_sys_open
    described:
      description: The name that the rest of the entry is about. RV(symbols[].chosen), or the name where none is.
      returned: success
      type: str
      sample: do_sys_openat2
    chosen:
      description: The first name that fulfils the wish. V(null) where none does.
      returned: success
      type: str
      sample: do_sys_openat2
    verdict:
      description: Whether the wish is fulfilled, and why.
      returned: success
      type: dict
      sample: {answer: "yes", decided_by: kernel, reason: "do_sys_openat2 can be attached by kprobe_perf"}
    methods:
      description: What the lists say for each attach method.
      returned: success
      type: dict
      sample:
        kprobe_perf: {answer: "yes", decided_by: kernel, reason: "unique, traceable and not in the blacklist of kprobes"}
        kprobe_tracefs: {answer: "yes", decided_by: kernel, reason: "unique, traceable and not in the blacklist of kprobes"}
        kprobe_multi: {answer: "no", decided_by: kernel, reason: "no kprobe.multi in this kernel (since Linux 5.18, needs CONFIG_FPROBE)"}
        fentry: {answer: "yes", decided_by: kernel, reason: in BTF and traceable}
    kallsyms:
      description:
        - How many symbols have the name, and the type and the module of the first. RV(symbols[].kallsyms.address_hidden) tells
          whether the caller sees no addresses.
        - V(null) where the symbols cannot be read.
      returned: success
      type: dict
      contains:
        count:
          description: Symbols of this name in the kernel and its modules.
          returned: success
          type: int
          sample: 1
        type:
          description: Letter of the type as C(nm(1)) prints it, V(null) where there is no symbol.
          returned: success
          type: str
          sample: t
        module:
          description: The module it belongs to, V(null) for the kernel itself.
          returned: success
          type: str
          sample: null
        address_hidden:
          description: Whether addresses are hidden from the caller, V(null) where there is no symbol.
          returned: success
          type: bool
          sample: false
    filterable:
      description: Whether ftrace knows the function (C(available_filter_functions)). V(null) where the list cannot be read.
      returned: success
      type: bool
      sample: true
    blacklisted:
      description: Whether kprobes refuse the function. V(null) where the list cannot be read.
      returned: success
      type: bool
      sample: false
    candidates:
      description: Other names that this kernel has, made by the compiler from the same function, or the entry of the system call.
      returned: success
      type: list
      elements: str
      sample: [do_sys_openat2.isra.0]
    rejected:
      description: The other names looked at, and why they do not fulfil the wish.
      returned: success
      type: list
      elements: dict
      sample:
        - name: do_sys_open
          verdict: {answer: "no", decided_by: kernel, reason: "kprobe_perf: do_sys_open is not in /proc/kallsyms"}
    prototype:
      description: What the function returns and its arguments, from BTF. V(null) where BTF does not have it.
      returned: success
      type: dict
      sample:
        returns: long int
        arguments: [{name: dfd, type: int}, {name: filename, type: const char *}, {name: how, type: struct open_how *}]
    attached:
      description: What the kernel answered to a real attach, by method. V(null) with O(verify=none).
      returned: success
      type: dict
      sample:
        kprobe_perf: {answer: "yes", decided_by: kernel, reason: "attached, and detached again"}
caller:
  description: Who asked. C(seccomp) is 2 under a filter; C(capabilities) is the effective set.
  returned: success
  type: dict
  sample: {uid: 0, capabilities: "0x000001ffffffffff", seccomp: 0, apparmor: unconfined}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._errors import HostError
from ..module_utils._kernel_symbol.info import SYMBOL_SPEC, read_symbols, wishes_of
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
        wishes = wishes_of(module.params["symbols"])
        found = read_symbols(this_host(), wishes, attach=module.params["verify"] == "attach")
        module.exit_json(changed=False, **found)
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
