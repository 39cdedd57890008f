# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""A condition of a gate as its user states it, checked as far as that goes without asking anybody."""

from __future__ import annotations

import math
import typing as t

from .._errors import HostError
from .._prometheus.promql import Selector, selector_of

__all__ = ["EXECUTABLE", "Condition", "condition_spec", "conditions_of"]

# What systemd has no property for: the file that the main process of a unit runs.
EXECUTABLE = "Executable"
KINDS = ("value", "delta", "rate", "ratio", "quantile", "present", "absence", "status")
_LIMITS = ("min", "max", "max_ratio", "max_increase", "min_ratio")
_OVER_TIME = ("delta", "rate", "ratio", "quantile")
_KINDS_OF = {"unit": ("value", "delta"), "query": ("value", "delta", "rate", "present", "absence")}
_SOURCES = ("metric", "query", "unit", "http")


class Condition(t.NamedTuple):
    """One condition. Exactly one of ``metric``, ``query``, ``unit`` and ``http`` is set; the module tells the rest."""

    name: str
    kind: str
    metric: Selector | None
    of: Selector | None
    query: str
    unit: str
    http: str
    url: str
    unix_socket: str
    shown: str
    equals: str | None
    quantile: float
    minimum: float | None
    maximum: float | None
    max_ratio: float | None
    max_increase: float | None
    min_ratio: float | None
    min_count: float
    held_for: float
    required: bool
    precise: bool
    missing_is_zero: bool

    @property
    def over_time(self) -> bool:
        return self.kind in _OVER_TIME

    @property
    def compares(self) -> bool:
        """Whether it needs what an earlier run has measured."""
        return any(one is not None for one in (self.max_ratio, self.max_increase, self.min_ratio))

    @property
    def subject(self) -> str:
        """What is looked at, as the user knows it."""
        if self.unit:
            return f"{self.shown} of {self.unit}"
        if self.kind == "ratio":
            return f"{self.metric} of {self.of}"
        return str(self.metric) if self.metric else self.query or self.http


def condition_spec() -> dict[str, t.Any]:
    """The options of one condition."""
    return {
        "name": {"type": "str", "required": True},
        "kind": {"type": "str", "choices": list(KINDS), "default": "value"},
        "metric": {"type": "str"},
        "labels": {"type": "dict", "default": {}},
        "of": {"type": "str"},
        "of_labels": {"type": "dict", "default": {}},
        "query": {"type": "str"},
        "unit": {"type": "str"},
        "property": {"type": "str", "default": "NRestarts"},
        "http": {"type": "str"},
        "url": {"type": "str"},
        "unix_socket": {"type": "path"},
        "equals": {"type": "str"},
        "quantile": {"type": "float", "default": 0.99},
        "min": {"type": "float"},
        "max": {"type": "float"},
        "max_ratio": {"type": "float"},
        "max_increase": {"type": "float"},
        "min_ratio": {"type": "float"},
        "min_count": {"type": "int"},
        "for": {"type": "float", "default": 0},
        "required": {"type": "bool", "default": True},
        "precise": {"type": "bool", "default": True},
        "missing_is_zero": {"type": "bool", "default": False},
    }


def conditions_of(
    entries: t.Sequence[t.Mapping[str, t.Any]],
    *,
    url: str | None,
    unix_socket: str | None,
    prometheus: str | None,
) -> list[Condition]:
    """
    :param entries: as in ``condition_spec``
    :param url: where metrics are read for a condition without a url of its own
    :param prometheus: the server that queries go to
    :raises HostError: for a condition that can never be told
    """
    conditions: list[Condition] = []
    for entry in entries:
        condition = _condition(entry, url=url or "", unix_socket=unix_socket or "")
        _refuse(entry, condition, names=[one.name for one in conditions], prometheus=prometheus)
        conditions.append(condition)
    return conditions


def _condition(entry: t.Mapping[str, t.Any], *, url: str, unix_socket: str) -> Condition:
    kind, metric = entry["kind"], entry.get("metric") or ""
    name = f"{metric}_bucket" if kind == "quantile" and metric else metric
    of = (entry.get("of") or metric) if kind == "ratio" else ""
    return Condition(
        name=entry["name"],
        kind=kind,
        metric=selector_of(name, entry.get("labels") or {}) if name else None,
        of=selector_of(of, entry.get("of_labels") or {}) if of else None,
        query=entry.get("query") or "",
        unit=entry.get("unit") or "",
        http=entry.get("http") or "",
        url=entry.get("url") or url,
        unix_socket=(entry.get("unix_socket") or "")
        if entry.get("url") or entry.get("http")
        else unix_socket,
        shown=entry.get("property") or "NRestarts",
        equals=entry.get("equals") or ("200" if kind == "status" else None),
        quantile=float(entry.get("quantile") or 0.99),
        minimum=entry.get("min"),
        maximum=entry.get("max"),
        max_ratio=entry.get("max_ratio"),
        max_increase=entry.get("max_increase"),
        min_ratio=entry.get("min_ratio"),
        min_count=_least(entry),
        held_for=float(entry.get("for") or 0),
        required=bool(entry.get("required", True)),
        precise=bool(entry.get("precise", True)),
        missing_is_zero=bool(entry.get("missing_is_zero", False)),
    )


def _least(entry: t.Mapping[str, t.Any]) -> float:
    """The observations that a verdict needs. Of fewer than 1/(1-q) the q-quantile is only the largest one."""
    if entry.get("min_count") is not None:
        return float(entry["min_count"])
    if entry["kind"] != "quantile":
        return 1.0
    return math.ceil(round(1 / (1 - min(float(entry.get("quantile") or 0.99), 0.9999)), 6))


def _refuse(
    entry: t.Mapping[str, t.Any], condition: Condition, *, names: list[str], prometheus: str | None
) -> None:
    wrong = _wrong_source(entry, condition, prometheus=prometheus) or _wrong_limits(entry, condition)
    if condition.name in names:
        wrong = "two of this name", "Rename one: baselines know conditions by their names."
    if wrong is not None:
        found, remedy = wrong
        raise HostError(
            f"condition {condition.name}", wanted="a condition that can be told", found=found, remedy=remedy
        )


def _wrong_source(
    entry: t.Mapping[str, t.Any], condition: Condition, *, prometheus: str | None
) -> tuple[str, str] | None:
    sources = [source for source in _SOURCES if entry.get(source)]
    if len(sources) != 1:
        return " and ".join(sources) or "no source", "Give one of metric, query, unit and http."
    source = sources[0]
    found = remedy = ""
    if (condition.kind == "status") != bool(condition.http):
        remedy = "Kind status asks an address in http, and nothing else does."
    elif condition.kind not in _KINDS_OF.get(source, KINDS):
        remedy = f"It takes {', '.join(_KINDS_OF[source])}; in a query, let PromQL compute the rest."
    elif condition.metric and not condition.url:
        found, remedy = "no url to read its metric at", "Set url of the module or of the condition."
    elif condition.query and not prometheus:
        found, remedy = "no prometheus to send its query to", "Set prometheus to the address of the server."
    return (found or f"kind {condition.kind} on {source}", remedy) if remedy else None


def _wrong_limits(entry: t.Mapping[str, t.Any], condition: Condition) -> tuple[str, str] | None:
    limits = [limit for limit in _LIMITS if entry.get(limit) is not None]
    text = condition.kind == "status" or (bool(condition.unit) and condition.equals is not None)
    if condition.equals is not None and (not text or limits or condition.kind == "delta"):
        return "equals", "It goes with http, or with a property of a unit, kind value and no other limit."
    if condition.kind in ("present", "absence") and limits:
        return f"{', '.join(limits)} on kind {condition.kind}", "Leave limits out of it."
    if condition.kind not in ("present", "absence") and not text and not limits:
        return "no limit", f"Give one of {', '.join(_LIMITS)}."
    if condition.kind == "quantile" and {"min", "min_ratio"}.intersection(limits):
        return "a lower limit on a quantile", "Give max, max_ratio or max_increase."
    if not 0 < condition.quantile < 1:
        return f"quantile {condition.quantile:g}", "Give it as a share between 0 and 1, as 0.99."
    return None
