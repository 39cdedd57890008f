# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read the options of kernel_symbol_info and return the answer for each symbol."""

from __future__ import annotations

import typing as t

from .._errors import HostError
from .._kernel.btf_prototype import Prototype
from .._kernel.kallsyms import Kallsyms, read_kallsyms
from .._probe.answer import Probe, no, unknown, yes
from .._probe.host import Host
from .attach import try_attach
from .sources import KernelLists
from .symbol import METHODS, Lookup, is_partial, look_up, predict

__all__ = ["SYMBOL_SPEC", "SymbolRequest", "read_requests", "read_symbols", "syscall_entries"]

# The prefixes of system call entry functions since Linux 4.17. Their only argument is struct pt_regs.
_ENTRIES = ("__x64_sys_", "__arm64_sys_", "__riscv_sys_", "__s390x_sys_", "__se_sys_")
_CALLS = ("do_sys_", "ksys_", "sys_", "SyS_", "__sys_")


class SymbolRequest(t.NamedTuple):
    """A function to look for.

    ``alternatives``: other names, in order of preference. ``module``: the module it must belong to, empty for any.
    ``methods``: the attach methods that must all work, empty if any one is enough. ``arguments``: their number or
    types, or None for any.
    """

    name: str
    alternatives: tuple[str, ...]
    module: str
    methods: tuple[str, ...]
    arguments: int | tuple[str, ...] | None


class NameResult(t.NamedTuple):
    """The answers for one name. ``verdict``: whether it meets the request."""

    lookup: Lookup
    methods: dict[str, Probe]
    attached: dict[str, Probe] | None
    verdict: Probe


def read_symbols(host: Host, requests: t.Sequence[SymbolRequest], *, attach: bool) -> dict[str, t.Any]:
    """Return the return values of kernel_symbol_info.

    :param attach: also attach a program to each function
    """
    kallsyms = read_kallsyms(host.root)
    if isinstance(kallsyms, Probe):
        return {
            "symbols": [_without_kallsyms(request, kallsyms) for request in requests],
            "caller": host.caller.report(),
        }
    lists = KernelLists(host.root, kallsyms)
    found = [_find(request, host, kallsyms, lists, attach=attach) for request in requests]
    return {"symbols": found, "caller": host.caller.report()}


def syscall_entries(name: str, kallsyms: Kallsyms) -> list[str]:
    """Return the entry functions that this kernel has for the system call of a name such as sys_open."""
    call = next((name[len(prefix) :] for prefix in _CALLS if name.startswith(prefix)), "")
    return [f"{entry}{call}" for entry in _ENTRIES if call and kallsyms.named(f"{entry}{call}")]


def _find(
    request: SymbolRequest, host: Host, kallsyms: Kallsyms, lists: KernelLists, *, attach: bool
) -> dict[str, t.Any]:
    """Try the names in order and stop at the first that meets the request."""
    results: list[NameResult] = []
    for name in dict.fromkeys(
        (request.name, *request.alternatives, *syscall_entries(request.name, kallsyms))
    ):
        lookup = look_up(lists, kallsyms, name, module=request.module)
        results.append(_judge_name(request, lookup, host, lists, attach=attach))
        if results[-1].verdict.answer == "yes":
            return _report(request, results[-1], results[:-1], kallsyms)
    return _report(request, results[0], results[1:], kallsyms)


def _judge_name(
    request: SymbolRequest, lookup: Lookup, host: Host, lists: KernelLists, *, attach: bool
) -> NameResult:
    methods_to_try = request.methods or METHODS
    methods = {method: predict(method, lookup, lists) for method in METHODS}
    attached = (
        {method: try_attach(method, lookup, host=host, lists=lists) for method in methods_to_try}
        if attach
        else None
    )
    answers = {method: _combine(methods[method], (attached or {}).get(method)) for method in methods_to_try}
    differing = _compare_arguments(request, lookup)
    verdict = _judge_methods(answers, every=bool(request.methods))
    if differing is not None and (verdict.answer == "yes" or differing.answer == "no"):
        verdict = differing if lookup.matching else verdict
    return NameResult(lookup, methods, attached, verdict)


def _combine(predicted: Probe, tried: Probe | None) -> Probe:
    """Return the answer of the kernel, or that of the lists where both agree or the kernel's is unknown."""
    return predicted if tried is None or tried.answer in ("unknown", predicted.answer) else tried


def _judge_methods(answers: dict[str, Probe], *, every: bool) -> Probe:
    """Combine the answers of several methods.

    :param every: all methods must work, else one is enough
    """
    by_answer = {
        answer: [method for method in answers if answers[method].answer == answer]
        for answer in ("yes", "no", "unknown")
    }
    order = ("no", "unknown", "yes") if every else ("yes", "unknown", "no")
    answer = next(answer for answer in order if by_answer[answer])
    decisive = by_answer[answer]
    if answer == "yes":
        return yes("kernel", f"can be attached by {', '.join(decisive)}")
    first = answers[decisive[0]]
    return Probe(answer, first.decided_by, f"{decisive[0]}: {first.reason}")


def _compare_arguments(request: SymbolRequest, lookup: Lookup) -> Probe | None:
    """Compare the arguments with those requested. Return None where they are the same."""
    if request.arguments is None:
        return None
    if isinstance(lookup.types, Probe):
        return unknown(lookup.types.decided_by, f"its arguments are not known: {lookup.types.reason}")
    found = tuple(argument.type for argument in lookup.types.arguments)
    if isinstance(request.arguments, int):
        same, wanted = len(found) == request.arguments, str(request.arguments)
    else:
        same = list(map(_normalize_type, found)) == list(map(_normalize_type, request.arguments))
        wanted = f"({', '.join(request.arguments)})"
    if same:
        return None
    return no("kernel", f"arguments moved: wanted {wanted}, this kernel has {_argument_list(lookup.types)}")


def _normalize_type(declared: str) -> str:
    """Normalize the spaces in a type, so that ``char*`` and ``char *`` are the same."""
    return " ".join(declared.replace("*", " * ").split())


def _argument_list(types: Prototype) -> str:
    return (
        f"({', '.join(f'{argument.type} {argument.name}'.strip() for argument in types.arguments) or 'void'})"
    )


def _report(
    request: SymbolRequest, found: NameResult, others: list[NameResult], kallsyms: Kallsyms
) -> dict[str, t.Any]:
    lookup, chosen = found.lookup, found.verdict.answer == "yes"
    verdict = found.verdict if chosen else _overall_verdict([found, *others])
    symbol = next(iter(lookup.matching), None)
    return {
        "name": request.name,
        "described": lookup.name,
        "verdict": verdict._replace(reason=_full_reason(request, lookup, verdict, chosen=chosen)).report(),
        "methods": {method: answer.report() for method, answer in found.methods.items()},
        "kallsyms": {
            "count": len(lookup.symbols),
            "type": symbol.kind if symbol else None,
            "module": symbol.module or None if symbol else None,
            "address_hidden": lookup.hidden,
        },
        "filterable": None if lookup.traceable is None else bool(lookup.traceable),
        "blacklisted": lookup.blacklisted,
        "candidates": [*lookup.variants, *_other_entries(request, lookup, kallsyms)],
        "chosen": lookup.name if chosen else None,
        "rejected": [{"name": other.lookup.name, "verdict": other.verdict.report()} for other in others],
        "prototype": lookup.types.report() if isinstance(lookup.types, Prototype) else None,
        "attached": {method: answer.report() for method, answer in found.attached.items()}
        if found.attached is not None
        else None,
    }


def _other_entries(request: SymbolRequest, lookup: Lookup, kallsyms: Kallsyms) -> list[str]:
    """Return the system call entries that the request did not name."""
    return [name for name in syscall_entries(request.name, kallsyms) if name != lookup.name]


def _overall_verdict(results: list[NameResult]) -> Probe:
    """Return the verdict where no name meets the request, which is no only if each name is no."""
    unsure = [found.verdict for found in results if found.verdict.answer == "unknown"]
    return unsure[0] if unsure else results[0].verdict


def _full_reason(request: SymbolRequest, lookup: Lookup, verdict: Probe, *, chosen: bool) -> str:
    """Return the reason with notes that the user needs."""
    notes = [
        verdict.reason if not chosen or lookup.name == request.name else f"{lookup.name} {verdict.reason}"
    ]
    if chosen and is_partial(lookup.name):
        notes.append(
            "it is a part that the compiler split off a function: it has no arguments and runs on some paths only"
        )
    elif chosen and "." in lookup.name:
        notes.append(
            "a copy specialised by the compiler: its arguments may differ, and the name changes with builds"
        )
    if chosen and len(lookup.symbols) > 1:
        notes.append(f"{len(lookup.symbols)} symbols have this name")
    whole = [variant for variant in lookup.variants if not is_partial(variant)]
    if chosen and whole:
        notes.append(f"a probe misses the calls that the compiler redirected to {', '.join(whole)}")
    if chosen and any(lookup.name.startswith(entry) for entry in _ENTRIES) and lookup.name != request.name:
        notes.append("its only argument is struct pt_regs, which holds the arguments of the system call")
    return "; ".join(notes)


def _without_kallsyms(request: SymbolRequest, cause: Probe) -> dict[str, t.Any]:
    """Return the answer where /proc/kallsyms cannot be read."""
    return {
        "name": request.name,
        "described": request.name,
        "verdict": cause.report(),
        "methods": {method: cause.report() for method in METHODS},
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


def read_requests(entries: t.Sequence[t.Mapping[str, t.Any]]) -> list[SymbolRequest]:
    """Read the requests from the parameter ``symbols``.

    :raises HostError: a name or the arguments are not valid
    """
    return [
        SymbolRequest(
            name=_read_name(entry["name"]),
            alternatives=tuple(map(_read_name, entry["alternatives"])),
            module=entry["module"],
            methods=tuple(entry["methods"]),
            arguments=_read_arguments(entry["name"], entry["args"]),
        )
        for entry in entries
    ]


def _read_name(text: str) -> str:
    """Check a name, so that it cannot add a second line or an option to an event of tracefs."""
    if text and text.isascii() and all(letter.isalnum() or letter in "_.$" for letter in text):
        return text
    raise HostError(
        f"symbol {text!r}",
        wanted="a name as in /proc/kallsyms, of letters, digits, and _ . $",
        found="an empty name" if not text else "other characters",
        remedy="Write only the name of the function, without module, offset or parentheses.",
    )


def _read_arguments(name: str, given: object) -> int | tuple[str, ...] | None:
    if given is None:
        return None
    if isinstance(given, list) and all(isinstance(item, str) for item in given):
        return tuple(given)
    # A template may return a number as text.
    if isinstance(given, (int, str)) and not isinstance(given, bool) and str(given).isdecimal():
        return int(given)
    raise HostError(
        f"symbol {name}",
        wanted="args as a number, or a list of types",
        found=repr(given),
        remedy="Write, for example, args: 3 or args: [int, const char *].",
    )
