# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""What the kernel's lists say of one function: whether each attach method will find and take it."""

from __future__ import annotations

import typing as t

from .._kernel.btf_prototype import Prototype
from .._kernel.kallsyms import Kallsyms, Symbol
from .._kernel.kprobes import Blacklist, Traceable
from .._probe.answer import Probe, no, unknown, yes
from .sources import KernelLists

__all__ = ["METHODS", "Sight", "is_piece", "look_at", "predict"]

METHODS = ("kprobe_perf", "kprobe_tracefs", "kprobe_multi", "fentry")
# The most arguments of a tracing program's function (MAX_BPF_FUNC_ARGS), and before commit 473e3150e30a, Linux 6.6, on
# x86-64.
_MOST_ARGUMENTS = 12
_OLD_ARGUMENTS = 6
# The kernel runs these around every tracing program, and refuses such programs on them (btf_id_deny).
_DENIED = (
    *("migrate_disable", "migrate_enable", "rcu_read_unlock_strict", "__rcu_read_lock", "__rcu_read_unlock"),
    *("preempt_count_add", "preempt_count_sub"),
)


class Sight(t.NamedTuple):
    """One name as the lists have it.

    ``traceable``: how many of the functions of this name ftrace knows; ``head``: whether it knows the function that
    a copy or a piece was made of. ``traceable`` and ``blacklisted`` are None where the list cannot be read.
    """

    name: str
    module: str
    symbols: tuple[Symbol, ...]
    traceable: int | None
    head: bool
    blacklisted: bool | None
    variants: tuple[str, ...]
    types: Prototype | Probe

    @property
    def wanted(self) -> list[Symbol]:
        """Those of the module that was asked for, or all."""
        owner = "" if self.module == "vmlinux" else self.module
        return [symbol for symbol in self.symbols if not self.module or symbol.module == owner]

    @property
    def hidden(self) -> bool | None:
        """Whether addresses are hidden from the caller; None: there is no address."""
        return not any(symbol.address for symbol in self.symbols) if self.symbols else None


def is_piece(name: str) -> bool:
    """Whether a name is that of a part that a compiler cut off a function, which no one calls."""
    return ".cold" in name or ".part." in name


def look_at(lists: KernelLists, kallsyms: Kallsyms, name: str, *, module: str = "") -> Sight:
    """Look a name up in every list."""
    symbols = tuple(kallsyms.named(name))
    # What the kernel makes of name.isra.0 or name.cold, it makes of the function name as well, if that is there.
    heads = kallsyms.named(name.partition(".")[0])[:1] if "." in name else []
    sight = Sight(
        name=name,
        module=module,
        symbols=symbols,
        traceable=_count(lists.traceable, kallsyms, symbols),
        head=bool(_count(lists.traceable, kallsyms, heads)),
        blacklisted=_forbidden(lists.blacklist, symbols, heads),
        variants=tuple(kallsyms.variants(name)),
        types=no("kernel", "not looked at"),
    )
    owner = next(iter(sight.wanted), None)
    return sight._replace(types=lists.prototype(name, module=owner.module if owner else ""))


def _count(listed: Traceable | Probe, kallsyms: Kallsyms, symbols: t.Sequence[Symbol]) -> int | None:
    """How many of the symbols ftrace knows, be it by another name of the same address; None: that is hidden."""
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
    listed: Blacklist | Probe, symbols: t.Sequence[Symbol], heads: t.Sequence[Symbol]
) -> bool | None:
    if isinstance(listed, Probe):
        return None
    return any(
        listed.forbids(symbol.name, [symbol.address]) for symbol in (*symbols, *heads) if symbol.is_code
    )


def predict(method: str, sight: Sight, lists: KernelLists) -> Probe:
    """What the lists make of attaching to the function by its name: the first obstacle, or yes."""
    if not sight.wanted:
        return _missing(sight, lists)
    if not any(symbol.is_code for symbol in sight.wanted):
        return no("kernel", f"{sight.name} is data (kind {sight.wanted[0].kind}), not a function")
    if method == "fentry":
        return next(_of_fentry(sight, lists), _of_several(sight, "the first", "in BTF and traceable"))
    if method == "kprobe_multi":
        return next(_of_multi(sight, lists), _of_several(sight, "the first that ftrace knows", "traceable"))
    return next(
        _of_kprobe(method, sight, lists),
        yes("kernel", "unique, traceable and not in the blacklist of kprobes"),
    )


def _of_several(sight: Sight, which: str, reason: str) -> Probe:
    count = len(sight.symbols)
    return yes("kernel", f"{count} symbols have this name; {which} is taken" if count > 1 else reason)


def _missing(sight: Sight, lists: KernelLists) -> Probe:
    name = sight.name
    if sight.symbols:
        owners = ", ".join(sorted({symbol.module or "the kernel itself" for symbol in sight.symbols}))
        return no("kernel", f"{name} is not in the module {sight.module}, but in {owners}")
    if sight.module not in ("", "vmlinux") and not lists.has_module(sight.module):
        return no(
            "kernel", f"the module {sight.module} is not loaded: modprobe {sight.module}, or it is built in"
        )
    whole = [variant for variant in sight.variants if not is_piece(variant)]
    if whole:
        return no(
            "kernel", f"{name} is not in /proc/kallsyms: specialised by the compiler as {', '.join(whole)}"
        )
    if sight.variants:
        pieces = ", ".join(sight.variants)
        return no("kernel", f"{name} is inlined away; only pieces are left, of no use alone: {pieces}")
    return no("kernel", f"{name} is not in /proc/kallsyms: renamed, inlined away, or of a module not loaded")


def _of_kprobe(method: str, sight: Sight, lists: KernelLists) -> t.Iterator[Probe]:
    """Obstacles to a kprobe by name, made by a PMU or by a line in kprobe_events."""
    if lists.lockdown == "confidentiality":
        yield no("lockdown", "EPERM: the kernel is locked down (confidentiality), which refuses kprobes")
    if lists.sources[method].answer != "yes":
        yield lists.sources[method]
    count = len(sight.symbols)
    if count > 1 and lists.counts_symbols:
        yield no("kernel", f"EADDRNOTAVAIL: {count} symbols have this name, and the kernel refuses to choose")
    if count > 1:
        yield unknown(
            "kernel",
            f"{count} symbols have this name: older kernels take the first, those since the end of 2023 refuse; "
            "verify: attach tells",
        )
    if sight.blacklisted:
        yield no("kernel", "EINVAL: in the blacklist of kprobes")
    if sight.traceable is None:
        yield _unseen(lists)
    if not sight.traceable and not sight.head:
        yield _notrace(sight, lists)
    if isinstance(lists.blacklist, Probe):
        yield lists.blacklist


def _unseen(lists: KernelLists) -> Probe:
    """Why it is not known whether ftrace knows a function."""
    if isinstance(lists.traceable, Probe):
        return lists.traceable
    return unknown(
        "sysctl",
        "not in available_filter_functions by this name, and addresses, which would tell its other names, are "
        "hidden (kernel.kptr_restrict): run with CAP_SYSLOG",
    )


def _notrace(sight: Sight, lists: KernelLists) -> Probe:
    if lists.is_init(sight.symbols[0].address):
        return no("kernel", "EINVAL: a function of the boot (__init), freed since")
    if lists.checks_notrace:
        return no("kernel", "EINVAL: notrace, ftrace does not know it (not in available_filter_functions)")
    return unknown("kernel", "notrace: refused unless the kernel has CONFIG_KPROBE_EVENTS_ON_NOTRACE")


def _of_multi(sight: Sight, lists: KernelLists) -> t.Iterator[Probe]:
    """Obstacles to a kprobe.multi link by name."""
    if lists.sources["kprobe_multi"].answer != "yes":
        yield lists.sources["kprobe_multi"]
    if sight.traceable is None:
        yield _unseen(lists)
    if not sight.traceable:
        yield no("kernel", "ESRCH: ftrace does not know it (not in available_filter_functions)")
    if sight.wanted[0] != sight.symbols[0]:
        yield unknown("kernel", f"{len(sight.symbols)} symbols have this name, and a module cannot be named")
    if all(symbol.module for symbol in sight.symbols) and lists.release < (6, 2):
        yield unknown("kernel", "in a module: Linux before 6.2 finds names of the kernel itself alone")


def _of_fentry(sight: Sight, lists: KernelLists) -> t.Iterator[Probe]:
    """Obstacles to a tracing program at the entry."""
    if isinstance(sight.types, Probe):
        yield sight.types
        return
    arguments = len(sight.types.arguments)
    if sight.name in _DENIED:
        yield no("kernel", "EINVAL: the kernel itself calls it around tracing programs")
    if sight.types.variadic:
        yield no("kernel", "EINVAL: it has a variable list of arguments")
    if arguments > _MOST_ARGUMENTS:
        yield no("kernel", f"{arguments} arguments; a tracing program can have {_MOST_ARGUMENTS}")
    if sight.traceable is None:
        yield _unseen(lists)
    if not sight.traceable:
        yield no("kernel", "ftrace does not know it (not in available_filter_functions)")
    if arguments > _OLD_ARGUMENTS and lists.release < (6, 6):
        yield unknown("kernel", f"{arguments} arguments: x86-64 before Linux 6.6 takes {_OLD_ARGUMENTS}")
    if (sight.traceable or 0) < len(sight.symbols):
        yield unknown(
            "kernel",
            f"{len(sight.symbols)} symbols have this name, and ftrace knows {sight.traceable} of them",
        )
