# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Parse the conditions of a gate and refuse those that can never be judged."""

from __future__ import annotations

import math
import typing as t

from .._errors import HostError
from .._prometheus.promql import Selector, parse_selector

__all__ = ["EXECUTABLE", "Condition", "condition_spec", "parse_conditions"]

# Not a property of systemd: the file that the main process of a unit runs.
EXECUTABLE = "Executable"
KINDS = ("value", "delta", "rate", "ratio", "quantile", "present", "absence", "status")
_LIMITS = ("min", "max", "max_ratio", "max_increase", "min_ratio")
_OVER_TIME = ("delta", "rate", "ratio", "quantile")
_KINDS_OF = {"unit": ("value", "delta"), "query": ("value", "delta", "rate", "present", "absence")}
_SOURCES = ("metric", "query", "unit", "http")


class Condition(t.NamedTuple):
    """One entry of the option ``conditions``.

    Exactly one of ``metric``, ``query``, ``unit`` and ``http`` is set. The module documents the fields.

    unit_property: the option ``property``
    held_for: the option ``for`` in seconds
    """

    name: str
    kind: str
    metric: Selector | None
    of: Selector | None
    query: str
    unit: str
    http: str
    url: str
    unix_socket: str
    unit_property: str
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
        """Whether it needs two samples, such as the increase of a counter."""
        return self.kind in _OVER_TIME

    @property
    def compares(self) -> bool:
        """Whether it needs the values of an earlier run."""
        return any(one is not None for one in (self.max_ratio, self.max_increase, self.min_ratio))

    @property
    def subject(self) -> str:
        """What the condition reads, in the words of the user."""
        if self.unit:
            return f"{self.unit_property} of {self.unit}"
        if self.kind == "ratio":
            return f"{self.metric} of {self.of}"
        return str(self.metric) if self.metric else self.query or self.http


def condition_spec() -> dict[str, t.Any]:
    """Return the argument spec of one condition."""
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


def parse_conditions(
    entries: t.Sequence[t.Mapping[str, t.Any]],
    *,
    url: str | None,
    unix_socket: str | None,
    prometheus: str | None,
) -> list[Condition]:
    """Return the conditions that the user described.

    :param entries: the option ``conditions``
    :param url: the metrics page for conditions without ``url``
    :param prometheus: the server for queries
    :raises HostError: a condition that can never be judged
    """
    conditions: list[Condition] = []
    for entry in entries:
        condition = _parse_condition(entry, url=url or "", unix_socket=unix_socket or "")
        _refuse(entry, condition, names=[one.name for one in conditions], prometheus=prometheus)
        conditions.append(condition)
    return conditions


def _parse_condition(entry: t.Mapping[str, t.Any], *, url: str, unix_socket: str) -> Condition:
    kind, metric = entry["kind"], entry.get("metric") or ""
    name = f"{metric}_bucket" if kind == "quantile" and metric else metric
    of = (entry.get("of") or metric) if kind == "ratio" else ""
    return Condition(
        name=entry["name"],
        kind=kind,
        metric=parse_selector(name, entry.get("labels") or {}) if name else None,
        of=parse_selector(of, entry.get("of_labels") or {}) if of else None,
        query=entry.get("query") or "",
        unit=entry.get("unit") or "",
        http=entry.get("http") or "",
        url=entry.get("url") or url,
        unix_socket=(entry.get("unix_socket") or "")
        if entry.get("url") or entry.get("http")
        else unix_socket,
        unit_property=entry.get("property") or "NRestarts",
        equals=entry.get("equals") or ("200" if kind == "status" else None),
        quantile=float(entry.get("quantile") or 0.99),
        minimum=entry.get("min"),
        maximum=entry.get("max"),
        max_ratio=entry.get("max_ratio"),
        max_increase=entry.get("max_increase"),
        min_ratio=entry.get("min_ratio"),
        min_count=_min_count(entry),
        held_for=float(entry.get("for") or 0),
        required=bool(entry.get("required", True)),
        precise=bool(entry.get("precise", True)),
        missing_is_zero=bool(entry.get("missing_is_zero", False)),
    )


def _min_count(entry: t.Mapping[str, t.Any]) -> float:
    """Return how many observations a verdict needs.

    With fewer than 1/(1-q) observations the q-quantile is only the largest of them.
    """
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
        wrong = (
            "two conditions with this name",
            "Rename one of them. A baseline refers to conditions by name.",
        )
    if wrong is not None:
        found, remedy = wrong
        raise HostError(
            f"condition {condition.name}", wanted="a condition that can be judged", found=found, remedy=remedy
        )


def _wrong_source(
    entry: t.Mapping[str, t.Any], condition: Condition, *, prometheus: str | None
) -> tuple[str, str] | None:
    sources = [source for source in _SOURCES if entry.get(source)]
    if len(sources) != 1:
        return " and ".join(sources) or "no source", "Set one of `metric`, `query`, `unit` and `http`."
    source = sources[0]
    found = remedy = ""
    if (condition.kind == "status") != bool(condition.http):
        remedy = "Use kind `status` with `http`, and only there."
    elif condition.kind not in _KINDS_OF.get(source, KINDS):
        remedy = f"Use kind {', '.join(_KINDS_OF[source])}. In a query, PromQL can compute the rest."
    elif condition.metric and not condition.url:
        found, remedy = "`metric` without `url`", "Set `url` of the module or of the condition."
    elif condition.query and not prometheus:
        found, remedy = "`query` without `prometheus`", "Set `prometheus` to the address of the server."
    return (found or f"kind {condition.kind} on {source}", remedy) if remedy else None


def _wrong_limits(entry: t.Mapping[str, t.Any], condition: Condition) -> tuple[str, str] | None:
    limits = [limit for limit in _LIMITS if entry.get(limit) is not None]
    text = condition.kind == "status" or (bool(condition.unit) and condition.equals is not None)
    if condition.equals is not None and (not text or limits or condition.kind == "delta"):
        remedy = "Use `equals` with `http`, or with `unit` and kind `value`, and without another limit."
        return "`equals` where it does not apply", remedy
    if condition.kind in ("present", "absence") and limits:
        return f"{', '.join(limits)} on kind {condition.kind}", "Omit the limits."
    if condition.kind not in ("present", "absence") and not text and not limits:
        return "no limit", f"Set one of {', '.join(_LIMITS)}."
    if condition.kind == "quantile" and {"min", "min_ratio"}.intersection(limits):
        return "a lower limit on a quantile", "Set `max`, `max_ratio` or `max_increase`."
    if not 0 < condition.quantile < 1:
        return f"quantile {condition.quantile:g}", "Set a share between 0 and 1, such as 0.99."
    return None
