# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Format the capabilities of many hosts as a table of plain text."""

from __future__ import annotations

import textwrap
import typing as t

from .values import answer_text

__all__ = ["capability_table"]

_NAME = "capability"
_MISSING = "not asked"
_GAP = "  "

# The answers by capability, or one word that says why there are none.
Answers = t.Union[t.Mapping[str, t.Mapping[str, t.Any]], str]


def capability_table(
    hosts: t.Mapping[str, Answers],
    *,
    width: int = 120,
) -> list[str]:
    """Return the lines of a table of capabilities by host, with the reasons below it.

    Hosts that do not fit into the width go into more tables below the first one.

    :param hosts: the answers of each host by capability, or a word that says why there are none
    :param width: the most characters of a line, unless one host alone needs more
    """
    names = sorted({name for answers in hosts.values() if not isinstance(answers, str) for name in answers})
    cells = {host: _column(names, answers) for host, answers in hosts.items()}
    widths = {host: max(len(text) for text in [host, *column]) for host, column in cells.items()}
    first = max(len(name) for name in [_NAME, *names])
    lines: list[str] = []
    for group in _groups(list(hosts), widths, available=width - first):
        if lines:
            lines.append("")
        lines += _table(group, names, cells, widths, first)
    return lines + _reasons(hosts, width)


def _column(names: list[str], answers: Answers) -> list[str]:
    if isinstance(answers, str):
        return [answers, *("-" for dummy in names[1:])]
    return [_cell(answers.get(name)) for name in names]


def _cell(answer: t.Mapping[str, t.Any] | None) -> str:
    if answer is None:
        return _MISSING
    return answer_text(answer)


def _groups(hosts: list[str], widths: t.Mapping[str, int], *, available: int) -> list[list[str]]:
    """Split the hosts, in order, into groups that fit side by side.

    A host that needs more than the available width is a group of its own.
    """
    groups: list[list[str]] = []
    left = 0
    for host in hosts:
        needed = len(_GAP) + widths[host]
        if not groups or needed > left:
            groups.append([])
            left = available
        groups[-1].append(host)
        left -= needed
    return groups


def _table(
    hosts: list[str],
    names: list[str],
    cells: t.Mapping[str, list[str]],
    widths: t.Mapping[str, int],
    first: int,
) -> list[str]:
    def row(name: str, texts: t.Sequence[str]) -> str:
        padded = (text.ljust(widths[host]) for host, text in zip(hosts, texts))
        return _GAP.join([name.ljust(first), *padded]).rstrip()

    lines = [row(_NAME, hosts), row("-" * first, ["-" * widths[host] for host in hosts])]
    if not names:
        return [*lines, row("", [cells[host][0] if cells[host] else "" for host in hosts])]
    return lines + [row(name, [cells[host][index] for host in hosts]) for index, name in enumerate(names)]


def _reasons(hosts: t.Mapping[str, Answers], width: int) -> list[str]:
    """List the reasons of unknown answers, and of those refused by a layer other than the kernel."""
    hosts_by_reason: dict[str, list[str]] = {}
    for host, answers in hosts.items():
        if isinstance(answers, str):
            continue
        for name, answer in sorted(answers.items()):
            if answer["answer"] == "unknown" or (
                answer["answer"] == "no" and answer["decided_by"] != "kernel"
            ):
                hosts_by_reason.setdefault(f"{name}: {answer['reason']}", []).append(host)
    lines = []
    for reason, where in sorted(hosts_by_reason.items()):
        lines += textwrap.wrap(f"{reason} ({', '.join(where)})", width, subsequent_indent="    ")
    return ["", *lines] if lines else []
