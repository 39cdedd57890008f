# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Collect what one host can do from the results of several modules.

A capability is named ``area/name``. The area stands for a module and for the part of its result that has the answer.
"""

from __future__ import annotations

import typing as t

__all__ = ["AREAS", "Answer", "Result", "answer_of", "capabilities_of", "mapping_of"]

Result = t.Mapping[str, t.Any]
Answer = t.Dict[str, str]

# The areas in the order in which they are shown, with their titles.
AREAS = {
    "kernel": "Kernel",
    "io_uring": "io_uring",
    "profile": "eBPF: what tools need",
    "bpf_attach": "eBPF: attach methods",
    "bpf_program": "eBPF: program types",
    "bpf_map": "eBPF: map types",
    "symbol": "Kernel symbols",
}
_ANSWERS = ("yes", "no", "unknown")


def answer_of(value: t.Any) -> Answer | None:
    """Return answer, layer and reason of a probe, or None if the value is not an answer of a probe."""
    if not isinstance(value, t.Mapping) or value.get("answer") not in _ANSWERS:
        return None
    return {
        "answer": str(value["answer"]),
        "decided_by": str(value.get("decided_by") or "kernel"),
        "reason": str(value.get("reason") or ""),
    }


def capabilities_of(results: t.Mapping[str, Result]) -> dict[str, Answer]:
    """Collect all answers by ``area/name``, sorted by name.

    :param results: the result of each module, by the short name of the module
    """
    ebpf = results.get("ebpf_info", {})
    found = {
        **_area("kernel", results.get("kernel_info", {}).get("capabilities")),
        **_area("io_uring", results.get("io_uring_info", {}).get("setup")),
        **_area("profile", ebpf.get("profiles")),
        **_area("bpf_attach", ebpf.get("attach")),
        **_area("bpf_program", ebpf.get("programs")),
        **_area("bpf_map", ebpf.get("maps")),
        **_symbols(results.get("kernel_symbol_info", {}).get("symbols")),
    }
    for identity, answers in sorted(mapping_of(ebpf.get("identities")).items()):
        found.update(_area("profile", mapping_of(answers).get("profiles"), suffix=f" as {identity}"))
    return dict(sorted(found.items()))


def _area(area: str, answers: t.Any, *, suffix: str = "") -> dict[str, Answer]:
    named = ((name, answer_of(value)) for name, value in mapping_of(answers).items())
    return {f"{area}/{name}{suffix}": answer for name, answer in named if answer is not None}


def _symbols(symbols: t.Any) -> dict[str, Answer]:
    found = {}
    for symbol in symbols if isinstance(symbols, (list, tuple)) else []:
        verdict = answer_of(mapping_of(symbol).get("verdict"))
        if verdict is not None:
            found[f"symbol/{symbol.get('name')}"] = verdict
    return found


def mapping_of(value: t.Any) -> t.Mapping[str, t.Any]:
    """Return the value if it is a dictionary, else an empty one."""
    return value if isinstance(value, t.Mapping) else {}
