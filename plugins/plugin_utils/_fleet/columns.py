# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Build the matrix of capabilities, in which hosts with the same answers share a column."""

from __future__ import annotations

import typing as t

from .capabilities import AREAS

__all__ = ["Column", "columns_of", "rows_of"]

Fleet = t.Mapping[str, t.Any]
# The answer and the layer that decided. The reason may contain a number that differs on each host.
Kind = t.Tuple[str, str]


class Column(t.NamedTuple):
    """The hosts that give the same answers."""

    label: str
    hosts: list[str]
    answers: dict[str, Kind]


def columns_of(fleet: Fleet) -> list[Column]:
    """Group the hosts of a report into columns, the largest first.

    The label is the name of the host if there is only one, else ``Set`` and a letter.
    """
    found: dict[str, tuple[list[str], dict[str, Kind]]] = {}
    for one in fleet["classes"]:
        answers = {name: _kind(fleet["answers"][number]) for name, number in one["capabilities"].items()}
        hosts, dummy = found.setdefault(repr(sorted(answers.items())), ([], answers))
        hosts.extend(one["hosts"])
    ordered = sorted(found.values(), key=lambda one: (-len(one[0]), min(one[0])))
    return [
        Column(hosts[0] if len(hosts) == 1 else f"Set {_letters(number)}", sorted(hosts), answers)
        for number, (hosts, answers) in enumerate(ordered)
    ]


def rows_of(fleet: Fleet, columns: t.Sequence[Column], hosts: t.Any) -> list[dict[str, t.Any]]:
    """Make one row for each capability, sorted by area and name, with its cells and its reasons.

    :param hosts: the Hosts of the page, which number the hosts
    """
    answered = sum(len(column.hosts) for column in columns)
    names = {name for column in columns for name in column.answers}
    order = list(AREAS)
    rows = []
    for name in sorted(names, key=lambda name: (order.index(name.split("/", 1)[0]), name)):
        reasons = _reasons(fleet, name)
        counts = dict.fromkeys(("yes", "no", "unknown"), 0)
        for answer, where in reasons:
            counts[answer["answer"]] += len(where)
        answers = [answer for answer, dummy in reasons]
        rows.append(
            {
                "id": name,
                "area": name.split("/", 1)[0],
                "name": name.split("/", 1)[1],
                "counts": counts,
                "silent": answered - sum(counts.values()),
                "everywhere": counts["yes"] == answered,
                "cells": [_cell(column, name, answers) for column in columns],
                "reasons": [{**answer, "where": hosts.excerpt(where)} for answer, where in reasons],
            }
        )
    return rows


def _kind(answer: t.Mapping[str, str]) -> Kind:
    return answer["answer"], answer["decided_by"]


def _letters(number: int) -> str:
    """Return the letters of a number, in the order A, B, …, Z, AA, AB, …"""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(65 + rest) + text
    return text


def _reasons(fleet: Fleet, name: str) -> list[tuple[t.Mapping[str, str], list[str]]]:
    """List the distinct answers for one capability with their hosts, the most frequent answer first."""
    found: dict[int, list[str]] = {}
    for one in fleet["classes"]:
        if name in one["capabilities"]:
            found.setdefault(one["capabilities"][name], []).extend(one["hosts"])
    return [
        (fleet["answers"][number], sorted(where))
        for number, where in sorted(found.items(), key=lambda one: (-len(one[1]), one[0]))
    ]


def _cell(column: Column, name: str, answers: t.Iterable[t.Mapping[str, str]]) -> t.Mapping[str, str] | None:
    kind = column.answers.get(name)
    return next((answer for answer in answers if _kind(answer) == kind), None)
