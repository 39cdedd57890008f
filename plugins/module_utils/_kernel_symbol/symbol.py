# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Look up one function in the lists of the kernel, and predict whether each attach method works for it."""

from __future__ import annotations

import typing as t

from .._kernel.btf_prototype import Prototype
from .._kernel.kallsyms import Kallsyms, Symbol
from .._kernel.kprobes import Blacklist, Traceable
from .._probe.answer import Probe, no, unknown, yes
from .sources import KernelLists

__all__ = ["METHODS", "Lookup", "is_partial", "look_up", "predict"]

METHODS = ("kprobe_perf", "kprobe_tracefs", "kprobe_multi", "fentry")
# The largest number of arguments of a function for a tracing program (MAX_BPF_FUNC_ARGS), and the number on x86-64
# before commit 473e3150e30a, Linux 6.6.
_MAX_ARGUMENTS = 12
_MAX_ARGUMENTS_BEFORE_6_6 = 6
# The kernel calls these around every tracing program, so it refuses tracing programs on them (btf_id_deny).
_DENIED = (
    *("migrate_disable", "migrate_enable", "rcu_read_unlock_strict", "__rcu_read_lock", "__rcu_read_unlock"),
    *("preempt_count_add", "preempt_count_sub"),
)


class Lookup(t.NamedTuple):
    """The entries of the lists for one name.

    ``traceable``: the number of functions of this name that ftrace can trace. ``origin_traceable``: whether ftrace can
    trace the function that the compiler made this copy or part from. ``traceable`` and ``blacklisted`` are None where
    the list cannot be read.
    """

    name: str
    module: str
    symbols: tuple[Symbol, ...]
    traceable: int | None
    origin_traceable: bool
    blacklisted: bool | None
    variants: tuple[str, ...]
    types: Prototype | Probe

    @property
    def matching(self) -> list[Symbol]:
        """The symbols of the requested module, or all."""
        owner = "" if self.module == "vmlinux" else self.module
        return [symbol for symbol in self.symbols if not self.module or symbol.module == owner]

    @property
    def hidden(self) -> bool | None:
        """Whether addresses are hidden from the caller, or None where there is no symbol."""
        return not any(symbol.address for symbol in self.symbols) if self.symbols else None


def is_partial(name: str) -> bool:
    """Return whether a name is that of a part that the compiler split off a function."""
    return ".cold" in name or ".part." in name


def look_up(lists: KernelLists, kallsyms: Kallsyms, name: str, *, module: str = "") -> Lookup:
    """Look up a name in every list."""
    symbols = tuple(kallsyms.named(name))
    # Where the function ``name`` exists, the kernel applies its answer for it to name.isra.0 and name.cold.
    origins = kallsyms.named(name.partition(".")[0])[:1] if "." in name else []
    lookup = Lookup(
        name=name,
        module=module,
        symbols=symbols,
        traceable=_count(lists.traceable, kallsyms, symbols),
        origin_traceable=bool(_count(lists.traceable, kallsyms, origins)),
        blacklisted=_forbidden(lists.blacklist, symbols, origins),
        variants=tuple(kallsyms.variants(name)),
        types=no("kernel", "not looked up"),
    )
    owner = next(iter(lookup.matching), None)
    return lookup._replace(types=lists.prototype(name, module=owner.module if owner else ""))


def _count(listed: Traceable | Probe, kallsyms: Kallsyms, symbols: t.Sequence[Symbol]) -> int | None:
    """Count the symbols that ftrace can trace, by their name or another name of the same address.

    :returns: None where the list cannot be read or addresses are hidden
    """
    if isinstance(listed, Probe):
        return None
    code = [symbol for symbol in symbols if symbol.is_code]
    count = min(listed.count(symbols[0].name), len(code)) if symbols else 0
    if count == len(code):
        return count
    if not any(symbol.address for symbol in code):
        return None
    others = [[name for name in kallsyms.at(symbol.address) if name != symbol.name] for symbol in code]
    return min(len(code), count + sum(any(listed.count(name) for name in names) for names in others))


def _forbidden(
    listed: Blacklist | Probe, symbols: t.Sequence[Symbol], origins: t.Sequence[Symbol]
) -> bool | None:
    if isinstance(listed, Probe):
        return None
    return any(
        listed.forbids(symbol.name, [symbol.address]) for symbol in (*symbols, *origins) if symbol.is_code
    )


def predict(method: str, lookup: Lookup, lists: KernelLists) -> Probe:
    """Predict from the lists whether a method can attach to the function by its name.

    :returns: the first obstacle, or yes
    """
    if not lookup.matching:
        return _not_found(lookup, lists)
    if not any(symbol.is_code for symbol in lookup.matching):
        return no("kernel", f"{lookup.name} is data (kind {lookup.matching[0].kind}), not a function")
    if method == "fentry":
        return next(
            _fentry_obstacles(lookup, lists), _takes_first(lookup, "the first", "in BTF and traceable")
        )
    if method == "kprobe_multi":
        return next(
            _multi_obstacles(lookup, lists), _takes_first(lookup, "the first that ftrace knows", "traceable")
        )
    return next(
        _kprobe_obstacles(method, lookup, lists),
        yes("kernel", "unique, traceable and not in the blacklist of kprobes"),
    )


def _takes_first(lookup: Lookup, which: str, reason: str) -> Probe:
    count = len(lookup.symbols)
    return yes("kernel", f"{count} symbols have this name; {which} is taken" if count > 1 else reason)


def _not_found(lookup: Lookup, lists: KernelLists) -> Probe:
    name = lookup.name
    if lookup.symbols:
        owners = ", ".join(sorted({symbol.module or "the kernel itself" for symbol in lookup.symbols}))
        return no("kernel", f"{name} is not in the module {lookup.module}, but in {owners}")
    if lookup.module not in ("", "vmlinux") and not lists.has_module(lookup.module):
        return no(
            "kernel", f"the module {lookup.module} is not loaded: modprobe {lookup.module}, or it is built in"
        )
    whole = [variant for variant in lookup.variants if not is_partial(variant)]
    if whole:
        return no(
            "kernel", f"{name} is not in /proc/kallsyms: specialised by the compiler as {', '.join(whole)}"
        )
    if lookup.variants:
        parts = ", ".join(lookup.variants)
        return no("kernel", f"{name} is inlined; only parts that the compiler split off remain: {parts}")
    return no(
        "kernel", f"{name} is not in /proc/kallsyms: it was renamed or inlined, or its module is not loaded"
    )


def _kprobe_obstacles(method: str, lookup: Lookup, lists: KernelLists) -> t.Iterator[Probe]:
    """Yield the obstacles to a kprobe by name, with a PMU or with kprobe_events."""
    if lists.lockdown == "confidentiality":
        yield no("lockdown", "EPERM: the kernel is locked down (confidentiality), which refuses kprobes")
    if lists.sources[method].answer != "yes":
        yield lists.sources[method]
    count = len(lookup.symbols)
    if count > 1 and lists.counts_symbols:
        yield no("kernel", f"EADDRNOTAVAIL: {count} symbols have this name, and the kernel refuses to choose")
    if count > 1:
        yield unknown(
            "kernel",
            f"{count} symbols have this name: older kernels take the first, kernels since the end of 2023 refuse; "
            "try it with verify: attach",
        )
    if lookup.blacklisted:
        yield no("kernel", "EINVAL: in the blacklist of kprobes")
    if lookup.traceable is None:
        yield _traceability_unknown(lists)
    if not lookup.traceable and not lookup.origin_traceable:
        yield _notrace(lookup, lists)
    if isinstance(lists.blacklist, Probe):
        yield lists.blacklist


def _traceability_unknown(lists: KernelLists) -> Probe:
    """Return why it is not known whether ftrace can trace a function."""
    if isinstance(lists.traceable, Probe):
        return lists.traceable
    return unknown(
        "sysctl",
        "not in available_filter_functions by this name, and its other names cannot be found because addresses are "
        "hidden (kernel.kptr_restrict): run with CAP_SYSLOG",
    )


def _notrace(lookup: Lookup, lists: KernelLists) -> Probe:
    if lists.is_init(lookup.symbols[0].address):
        return no("kernel", "EINVAL: an __init function, which is freed after boot")
    if lists.checks_notrace:
        return no("kernel", "EINVAL: notrace, not in available_filter_functions")
    return unknown("kernel", "notrace: refused unless the kernel has CONFIG_KPROBE_EVENTS_ON_NOTRACE")


def _multi_obstacles(lookup: Lookup, lists: KernelLists) -> t.Iterator[Probe]:
    """Yield the obstacles to a kprobe.multi link by name."""
    if lists.sources["kprobe_multi"].answer != "yes":
        yield lists.sources["kprobe_multi"]
    if lookup.traceable is None:
        yield _traceability_unknown(lists)
    if not lookup.traceable:
        yield no("kernel", "ESRCH: ftrace cannot trace it (not in available_filter_functions)")
    if lookup.matching[0] != lookup.symbols[0]:
        yield unknown(
            "kernel", f"{len(lookup.symbols)} symbols have this name, and the method cannot select a module"
        )
    if all(symbol.module for symbol in lookup.symbols) and lists.release < (6, 2):
        yield unknown("kernel", "in a module: Linux before 6.2 finds only names of the kernel itself")


def _fentry_obstacles(lookup: Lookup, lists: KernelLists) -> t.Iterator[Probe]:
    """Yield the obstacles to a tracing program at the entry (fentry)."""
    if isinstance(lookup.types, Probe):
        yield lookup.types
        return
    arguments = len(lookup.types.arguments)
    if lookup.name in _DENIED:
        yield no("kernel", "EINVAL: the kernel itself calls it around tracing programs")
    if lookup.types.variadic:
        yield no("kernel", "EINVAL: it has a variable argument list")
    if arguments > _MAX_ARGUMENTS:
        yield no("kernel", f"{arguments} arguments; a tracing program supports {_MAX_ARGUMENTS}")
    if lookup.traceable is None:
        yield _traceability_unknown(lists)
    if not lookup.traceable:
        yield no("kernel", "ftrace cannot trace it (not in available_filter_functions)")
    if arguments > _MAX_ARGUMENTS_BEFORE_6_6 and lists.release < (6, 6):
        yield unknown(
            "kernel", f"{arguments} arguments: x86-64 before Linux 6.6 supports {_MAX_ARGUMENTS_BEFORE_6_6}"
        )
    if (lookup.traceable or 0) < len(lookup.symbols):
        yield unknown(
            "kernel",
            f"{len(lookup.symbols)} symbols have this name, and ftrace can trace {lookup.traceable} of them",
        )
