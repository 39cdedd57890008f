# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Answer kernel_symbol_info: read its options and report each symbol that was asked for."""

from __future__ import annotations

import typing as t

from .._errors import HostError
from .._kernel.btf_prototype import Prototype
from .._kernel.kallsyms import Kallsyms, read_kallsyms
from .._probe.answer import Probe, no, unknown, yes
from .._probe.host import Host
from .attach import try_attach
from .sources import KernelLists
from .symbol import METHODS, Sight, is_piece, look_at, predict

__all__ = ["SYMBOL_SPEC", "Wish", "prefixed", "read_symbols", "wishes_of"]

# The names of system calls' entries since Linux 4.17. Their one argument is struct pt_regs.
_ENTRIES = ("__x64_sys_", "__arm64_sys_", "__riscv_sys_", "__s390x_sys_", "__se_sys_")
_CALLS = ("do_sys_", "ksys_", "sys_", "SyS_", "__sys_")


class Wish(t.NamedTuple):
    """What was asked for. ``methods``: all must work, none named: one is enough."""

    name: str
    alternatives: tuple[str, ...]
    module: str
    methods: tuple[str, ...]
    arguments: int | tuple[str, ...] | None


class Found(t.NamedTuple):
    """One name and all answers about it. ``verdict``: whether it fulfils the wish."""

    sight: Sight
    methods: dict[str, Probe]
    attached: dict[str, Probe] | None
    verdict: Probe


def read_symbols(host: Host, wishes: t.Sequence[Wish], *, attach: bool) -> dict[str, t.Any]:
    """The return values of kernel_symbol_info."""
    kallsyms = read_kallsyms(host.root)
    if isinstance(kallsyms, Probe):
        return {"symbols": [_unread(wish, kallsyms) for wish in wishes], "caller": host.caller.report()}
    lists = KernelLists(host.root, kallsyms)
    found = [_fulfil(wish, host, kallsyms, lists, attach=attach) for wish in wishes]
    return {"symbols": found, "caller": host.caller.report()}


def prefixed(name: str, kallsyms: Kallsyms) -> list[str]:
    """The entry of the system call that a name like sys_open or do_sys_open means, where this kernel has it."""
    call = next((name[len(prefix) :] for prefix in _CALLS if name.startswith(prefix)), "")
    return [f"{entry}{call}" for entry in _ENTRIES if call and kallsyms.named(f"{entry}{call}")]


def _fulfil(
    wish: Wish, host: Host, kallsyms: Kallsyms, lists: KernelLists, *, attach: bool
) -> dict[str, t.Any]:
    """Look at one name after the other, up to the first that fulfils the wish."""
    seen: list[Found] = []
    for name in dict.fromkeys((wish.name, *wish.alternatives, *prefixed(wish.name, kallsyms))):
        sight = look_at(lists, kallsyms, name, module=wish.module)
        seen.append(_examine(wish, sight, host, lists, attach=attach))
        if seen[-1].verdict.answer == "yes":
            return _report(wish, seen[-1], seen[:-1], kallsyms)
    return _report(wish, seen[0], seen[1:], kallsyms)


def _examine(wish: Wish, sight: Sight, host: Host, lists: KernelLists, *, attach: bool) -> Found:
    asked = wish.methods or METHODS
    methods = {method: predict(method, sight, lists) for method in METHODS}
    attached = (
        {method: try_attach(method, sight, host=host, lists=lists) for method in asked} if attach else None
    )
    told = {method: _truth(methods[method], (attached or {}).get(method)) for method in asked}
    moved = _arguments(wish, sight)
    verdict = _together(told, every=bool(wish.methods))
    if moved is not None and (verdict.answer == "yes" or moved.answer == "no"):
        verdict = moved if sight.wanted else verdict
    return Found(sight, methods, attached, verdict)


def _truth(predicted: Probe, tried: Probe | None) -> Probe:
    """What the kernel answered, explained by the lists where these say the same."""
    return predicted if tried is None or tried.answer in ("unknown", predicted.answer) else tried


def _together(told: dict[str, Probe], *, every: bool) -> Probe:
    """The answer of several methods, of which all must work, or one."""
    by_answer = {
        answer: [method for method in told if told[method].answer == answer]
        for answer in ("yes", "no", "unknown")
    }
    order = ("no", "unknown", "yes") if every else ("yes", "unknown", "no")
    answer = next(answer for answer in order if by_answer[answer])
    decisive = by_answer[answer]
    if answer == "yes":
        return yes("kernel", f"can be attached by {', '.join(decisive)}")
    first = told[decisive[0]]
    return Probe(answer, first.decided_by, f"{decisive[0]}: {first.reason}")


def _arguments(wish: Wish, sight: Sight) -> Probe | None:
    """Whether the arguments are not those that were expected; None: they are."""
    if wish.arguments is None:
        return None
    if isinstance(sight.types, Probe):
        return unknown(sight.types.decided_by, f"its arguments are not known: {sight.types.reason}")
    found = tuple(argument.type for argument in sight.types.arguments)
    if isinstance(wish.arguments, int):
        same, wanted = len(found) == wish.arguments, str(wish.arguments)
    else:
        same = list(map(_plain, found)) == list(map(_plain, wish.arguments))
        wanted = f"({', '.join(wish.arguments)})"
    if same:
        return None
    return no("kernel", f"arguments moved: wanted {wanted}, this kernel has {_shown(sight.types)}")


def _plain(declared: str) -> str:
    """A type in one way of writing: it does not matter how a star is spaced."""
    return " ".join(declared.replace("*", " * ").split())


def _shown(types: Prototype) -> str:
    return (
        f"({', '.join(f'{argument.type} {argument.name}'.strip() for argument in types.arguments) or 'void'})"
    )


def _report(wish: Wish, found: Found, others: list[Found], kallsyms: Kallsyms) -> dict[str, t.Any]:
    sight, chosen = found.sight, found.verdict.answer == "yes"
    verdict = found.verdict if chosen else _worst([found, *others])
    symbol = next(iter(sight.wanted), None)
    return {
        "name": wish.name,
        "described": sight.name,
        "verdict": verdict._replace(reason=_explained(wish, sight, verdict, chosen=chosen)).report(),
        "methods": {method: answer.report() for method, answer in found.methods.items()},
        "kallsyms": {
            "count": len(sight.symbols),
            "type": symbol.kind if symbol else None,
            "module": symbol.module or None if symbol else None,
            "address_hidden": sight.hidden,
        },
        "filterable": None if sight.traceable is None else bool(sight.traceable),
        "blacklisted": sight.blacklisted,
        "candidates": [*sight.variants, *_beside(wish, sight, kallsyms)],
        "chosen": sight.name if chosen else None,
        "rejected": [{"name": other.sight.name, "verdict": other.verdict.report()} for other in others],
        "prototype": sight.types.report() if isinstance(sight.types, Prototype) else None,
        "attached": {method: answer.report() for method, answer in found.attached.items()}
        if found.attached is not None
        else None,
    }


def _beside(wish: Wish, sight: Sight, kallsyms: Kallsyms) -> list[str]:
    """Other names to try than those that the wish has."""
    return [name for name in prefixed(wish.name, kallsyms) if name != sight.name]


def _worst(seen: list[Found]) -> Probe:
    """The answer when no name fulfils the wish: no only when it is no for each."""
    unsure = [found.verdict for found in seen if found.verdict.answer == "unknown"]
    return unsure[0] if unsure else seen[0].verdict


def _explained(wish: Wish, sight: Sight, verdict: Probe, *, chosen: bool) -> str:
    """The reason, with what a person must know besides."""
    notes = [verdict.reason if not chosen or sight.name == wish.name else f"{sight.name} {verdict.reason}"]
    if chosen and is_piece(sight.name):
        notes.append("but it is a piece cut off a function: it has no arguments and runs on some paths alone")
    elif chosen and "." in sight.name:
        notes.append(
            "a copy specialised by the compiler: its arguments may differ, and the name changes with builds"
        )
    if chosen and len(sight.symbols) > 1:
        notes.append(f"{len(sight.symbols)} symbols have this name")
    whole = [variant for variant in sight.variants if not is_piece(variant)]
    if chosen and whole:
        notes.append(f"calls that the compiler sent to {', '.join(whole)} are missed")
    if chosen and any(sight.name.startswith(entry) for entry in _ENTRIES) and sight.name != wish.name:
        notes.append("its one argument is struct pt_regs, which holds those of the system call")
    return "; ".join(notes)


def _unread(wish: Wish, why: Probe) -> dict[str, t.Any]:
    """The report where there are no symbols to look at."""
    return {
        "name": wish.name,
        "described": wish.name,
        "verdict": why.report(),
        "methods": {method: why.report() for method in METHODS},
        "kallsyms": None,
        "filterable": None,
        "blacklisted": None,
        "candidates": [],
        "chosen": None,
        "rejected": [],
        "prototype": None,
        "attached": None,
    }


SYMBOL_SPEC: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "alternatives": {"type": "list", "elements": "str", "default": []},
    "module": {"type": "str", "default": ""},
    "methods": {"type": "list", "elements": "str", "choices": list(METHODS), "default": []},
    "args": {"type": "raw", "aliases": ["arguments"]},
}


def wishes_of(entries: t.Sequence[t.Mapping[str, t.Any]]) -> list[Wish]:
    """The wishes in the parameter ``symbols``."""
    return [
        Wish(
            name=_read_name(entry["name"]),
            alternatives=tuple(map(_read_name, entry["alternatives"])),
            module=entry["module"],
            methods=tuple(entry["methods"]),
            arguments=_read_arguments(entry["name"], entry["args"]),
        )
        for entry in entries
    ]


def _read_name(text: str) -> str:
    """Nothing may come through that would be a second line, or an option, of an event of tracefs."""
    if text and text.isascii() and all(letter.isalnum() or letter in "_.$" for letter in text):
        return text
    raise HostError(
        f"symbol {text!r}",
        wanted="a name as in /proc/kallsyms: letters, digits, and _ . $",
        found="none" if not text else "other characters",
        remedy="Give the function's name alone, without module, offset or parentheses.",
    )


def _read_arguments(name: str, given: object) -> int | tuple[str, ...] | None:
    if given is None:
        return None
    if isinstance(given, list) and all(isinstance(item, str) for item in given):
        return tuple(given)
    # A template gives a number as text.
    if isinstance(given, (int, str)) and not isinstance(given, bool) and str(given).isdecimal():
        return int(given)
    raise HostError(
        f"symbol {name}",
        wanted="args as a number, or a list of types",
        found=repr(given),
        remedy="Write for example args: 3, or args: [int, const char *].",
    )
