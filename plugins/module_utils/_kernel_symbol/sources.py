# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read the lists of functions that a kernel provides. Each BTF file is read once, when it is needed."""

from __future__ import annotations

import os

from .._kernel.btf import VMLINUX, Btf, BtfError, read_btf
from .._kernel.btf_prototype import Prototype, prototype
from .._kernel.kallsyms import Kallsyms
from .._kernel.kprobes import TRACEFS, Blacklist, Traceable, read_blacklist, read_traceable
from .._kernel.lsm import read_lockdown
from .._probe.answer import Probe, no, unknown, yes
from .._probe.files import read

__all__ = ["KernelLists", "parse_release"]

_KPROBE_PMU = "sys/bus/event_source/devices/kprobe/type"


class KernelLists:
    """The lists of functions of one kernel. A Probe in place of a list says why it cannot be read."""

    def __init__(self, root: str, kallsyms: Kallsyms) -> None:
        self._root = root
        self._kallsyms = kallsyms
        self._btf: dict[str, Btf | Probe] = {}
        self.traceable: Traceable | Probe = read_traceable(root)
        self.blacklist: Blacklist | Probe = read_blacklist(root)
        self.lockdown = read_lockdown(root)
        self.release = parse_release(read(root, "proc/sys/kernel/osrelease").text or "")
        # Kernels with these functions do these checks. Commit b022f0c7e404 ("tracing/kprobes: Return EADDRNOTAVAIL when
        # func matches several symbols"), Linux 6.7 and stable branches; commit 45408c4f9250, Linux 4.19.
        self.counts_symbols = bool(kallsyms.named("count_symbols"))
        self.checks_notrace = any(map(kallsyms.named, ("within_notrace_func", "__within_notrace_func")))
        self.sources = {
            "kprobe_perf": _probe_pmu(root),
            "kprobe_tracefs": _probe_kprobe_events(root),
            "kprobe_multi": _probe_multi_links(kallsyms),
        }
        self._init = [next(iter(kallsyms.named(name)), None) for name in ("_sinittext", "_einittext")]

    def has_module(self, name: str) -> bool:
        """Return whether a module with symbols is loaded."""
        return self._kallsyms.has_module(name)

    def is_init(self, address: int) -> bool:
        """Return whether an address is that of an __init function, which the kernel frees after boot."""
        start, end = self._init
        return bool(start and end and address and start.address <= address < end.address)

    def prototype(self, name: str, *, module: str = "") -> Prototype | Probe:
        """Return the prototype of a function from the BTF of the kernel or of a module."""
        btf = self.btf(module or VMLINUX)
        if isinstance(btf, Probe):
            return btf
        number = btf.function_id(name)
        if number is None:
            return no(
                "kernel",
                f"BTF has no function {name}: BTF omits functions whose arguments the compiler changed, "
                "and names with several prototypes",
            )
        try:
            return prototype(btf, number)
        except BtfError as error:
            return unknown("kernel", f"the BTF of {name} is damaged: {error}")

    def btf(self, module: str) -> Btf | Probe:
        """Return the types of the kernel or of a module, read once."""
        if module not in self._btf:
            self._btf[module] = self._read_btf(module)
        return self._btf[module]

    def _read_btf(self, module: str) -> Btf | Probe:
        base = self.btf(VMLINUX) if module != VMLINUX else None
        if isinstance(base, Probe):
            return base
        found = read_btf(self._root, module=module, base=base)
        if isinstance(found, Btf):
            return found
        there = os.path.exists(os.path.join(self._root, "sys/kernel/btf", module))
        return unknown("kernel", found) if there else no("kernel", found)


def parse_release(text: str) -> tuple[int, ...]:
    """Parse the first two numbers of a release. A release that cannot be parsed counts as new."""
    numbers = text.partition("-")[0].split(".")[:2]
    return tuple(int(number) for number in numbers) if all(map(str.isdecimal, numbers)) else (99, 0)


def _probe_pmu(root: str) -> Probe:
    if os.path.exists(os.path.join(root, _KPROBE_PMU)):
        return yes("kernel", f"/{_KPROBE_PMU} exists")
    return no("kernel", f"no /{_KPROBE_PMU} in this kernel (since Linux 4.17, needs CONFIG_KPROBE_EVENTS)")


def _probe_kprobe_events(root: str) -> Probe:
    listed = os.path.join(root, TRACEFS)
    try:
        names = os.listdir(listed)
    except PermissionError as error:
        return unknown("capability", f"/{TRACEFS}: {error.strerror}. Run as root (become: true)")
    except OSError:
        names = []
    if "kprobe_events" in names:
        return yes("kernel", f"/{TRACEFS}/kprobe_events exists")
    if names:
        return no("kernel", f"no /{TRACEFS}/kprobe_events: this kernel needs CONFIG_KPROBE_EVENTS")
    return unknown("kernel", f"nothing is mounted at /{TRACEFS}: systemctl start sys-kernel-tracing.mount")


def _probe_multi_links(kallsyms: Kallsyms) -> Probe:
    """Probe for kprobe.multi links by the kernel function that releases one."""
    if kallsyms.named("bpf_kprobe_multi_link_release"):
        return yes("kernel", "kprobe.multi links are built in")
    return no("kernel", "no kprobe.multi in this kernel (since Linux 5.18, needs CONFIG_FPROBE)")
