# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Attach a program to one function and judge the answer of the kernel."""

from __future__ import annotations

import errno
import os
import struct

from .._ebpf.attach import (
    Attempt,
    attach_fentry,
    attach_kprobe_multi,
    attach_kprobe_perf,
    attach_kprobe_tracefs,
)
from .._ebpf.bpf import Bpf, opened
from .._ebpf.layers import ENOTSUPP, error_name
from .._kernel.btf import VMLINUX
from .._probe.answer import Probe, no, unknown, yes
from .._probe.caller import CAP_PERFMON, CAP_SYS_ADMIN, Policy, judge
from .._probe.host import Host
from .._probe.syscall import Outcome
from .sources import KernelLists
from .symbol import Lookup

__all__ = ["judge_attempt", "try_attach"]

_BY_NAME = {
    "kprobe_perf": attach_kprobe_perf,
    "kprobe_tracefs": attach_kprobe_tracefs,
    "kprobe_multi": attach_kprobe_multi,
}
_UNSUPPORTED = {
    errno.EOPNOTSUPP: "not built into this kernel",
    ENOTSUPP: "not supported on this architecture",
}
# Errors that are about the resources of the caller or the host, not about the function.
_TEMPORARY_ERRORS = (errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EINTR, errno.ENOSPC)
# Distributions add level 3 and above, which need CAP_SYS_ADMIN. The levels below need CAP_PERFMON.
_POLICIES = (
    Policy(
        "kernel.perf_event_paranoid",
        lambda value, who: value >= 3 and not who.can(CAP_SYS_ADMIN),
    ),
)


def try_attach(method: str, lookup: Lookup, *, host: Host, lists: KernelLists) -> Probe:
    """Attach a program to the function with one method and detach it."""
    bpf = Bpf(host)
    if method != "fentry":
        return judge_attempt(_BY_NAME[method](bpf, host, lookup.name), method, host=host, lists=lists)
    owner = next((symbol.module for symbol in lookup.matching), "")
    btf = lists.btf(owner or VMLINUX)
    if isinstance(btf, Probe):
        return btf
    number = btf.function_id(lookup.name)
    if number is None:
        return no("kernel", "ENOENT: BTF has no function of this name")
    attempt = _attach_in_module(bpf, host, owner, number) if owner else attach_fentry(bpf, host, number)
    return judge_attempt(attempt, method, host=host, lists=lists)


def _attach_in_module(bpf: Bpf, host: Host, module: str, number: int) -> Attempt:
    """Attach to the entry of a function of a module."""
    found = _open_btf(bpf, module)
    for btf in opened(found):
        return attach_fentry(bpf, host, number, btf=btf)
    return Attempt("find", found)


def _open_btf(bpf: Bpf, module: str) -> Outcome:
    """Open the BTF of a module by the name of the module. The errno is ENOENT where the kernel has none."""
    for number in bpf.ids("BTF"):
        if isinstance(number, Outcome):
            return number
        found = bpf.open_id("BTF", number)
        if found.value >= 0 and _btf_name(bpf, found.value) == module:
            return found
        for dummy in opened(found):
            pass
    return Outcome(-1, errno.ENOENT)


def _btf_name(bpf: Bpf, descriptor: int) -> str:
    """Return the name in struct bpf_btf_info, which is empty for BTF that a program loaded."""
    name = bytearray(64)
    info = bpf.info(descriptor, request=struct.pack("=QIIQI", 0, 0, 0, 0, len(name)), pointers={16: name})
    return "" if isinstance(info, Outcome) else name.split(b"\0")[0].decode("utf-8", "replace")


def judge_attempt(attempt: Attempt, method: str, *, host: Host, lists: KernelLists) -> Probe:
    """Judge the outcome of an attach."""
    number = attempt.outcome.errno
    if attempt.worked:
        return yes("kernel", "attached, and detached again")
    if attempt.step == "source" and number == errno.ENOENT and method in lists.sources:
        return lists.sources[method]
    if attempt.outcome.killed or number in (errno.EPERM, errno.EACCES):
        return _refused(attempt, host, lists)
    name, why = error_name(number), _UNSUPPORTED.get(number) or os.strerror(number)
    if attempt.step == "load" and attempt.log.strip():
        why = attempt.log.strip().splitlines()[0]
    if number in _TEMPORARY_ERRORS:
        return unknown("kernel", f"{name} at {attempt.step}: {why}; try again")
    return no("kernel", f"{name} at {attempt.step}: {why}")


def _refused(attempt: Attempt, host: Host, lists: KernelLists) -> Probe:
    if lists.lockdown == "confidentiality":
        return no("lockdown", "EPERM: the kernel is locked down (confidentiality)")
    needs = "CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN"
    lacks = "" if host.caller.can(CAP_SYS_ADMIN, CAP_PERFMON) else needs
    policies = _POLICIES if attempt.step in ("open", "attach") else ()
    return judge(attempt.outcome, root=host.root, caller=host.caller, policies=policies, needs=lacks)
