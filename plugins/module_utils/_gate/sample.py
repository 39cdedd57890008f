# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""One sample of a gate: pages, a Prometheus, systemd and health checks; a page is read once for all its conditions."""

from __future__ import annotations

import http.client
import json
import math
import os
import typing as t
import urllib.error
import urllib.parse

from ansible.module_utils.urls import open_url

from .._prometheus.exposition import PageError, Series, parse_exposition, series_key
from .._prometheus.promql import select
from .._systemd.text import parse_show
from .condition import EXECUTABLE

if t.TYPE_CHECKING:
    from .._prometheus.promql import Selector
    from .._run import Runner
    from .condition import Condition

__all__ = ["Answer", "Ask", "Reading", "http_ask", "read_sample"]

_PAGE_LIMIT = 32 * 1024 * 1024  # bytes; a page of 100,000 series has about 10 MiB


class Answer(t.NamedTuple):
    """What an address said: its status and text; status 0 and the reason where nobody answered."""

    status: int
    text: str


# Asks an address: url, path of a Unix socket or "".
Ask = t.Callable[[str, str], Answer]


class Reading(t.NamedTuple):
    """What a condition saw in one sample. ``trouble``: why it saw nothing, "" where it did see.

    ``named``: whether the metric is there at all, if only with other labels.
    """

    series: dict[str, float]
    of: dict[str, float]
    named: bool
    text: str
    trouble: str


def http_ask(
    *, timeout: float, headers: t.Mapping[str, str], validate_certs: bool, ca_path: str | None
) -> Ask:
    """Ask over HTTP, without any proxy: what is asked is a neighbour."""

    def ask(url: str, unix_socket: str) -> Answer:
        try:
            with open_url(
                url,
                timeout=timeout,
                use_proxy=False,
                headers={"Accept": "text/plain;version=0.0.4;q=1,*/*;q=0.1", **headers},
                validate_certs=validate_certs,
                ca_path=ca_path,
                unix_socket=unix_socket or None,
            ) as answer:
                body = answer.read(_PAGE_LIMIT + 1)
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read(_PAGE_LIMIT).decode("utf-8", "replace"))
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            return Answer(0, str(getattr(error, "reason", "") or error) or type(error).__name__)
        if len(body) > _PAGE_LIMIT:
            return Answer(0, f"more than {_PAGE_LIMIT} bytes")
        return Answer(answer.status, body.decode("utf-8", "replace"))

    return ask


def read_sample(
    conditions: t.Sequence[Condition], *, ask: Ask, run: Runner, prometheus: str, proc: str = "/proc"
) -> dict[str, Reading]:
    """The readings of all conditions, by their names."""
    pages: dict[tuple[str, str], list[Series] | str] = {}
    shown = _show(conditions, run=run)
    readings: dict[str, Reading] = {}
    for condition in conditions:
        if condition.unit:
            reading = _of_unit(condition, shown.get(condition.unit), proc=proc)
        elif condition.http:
            reading = _of_http(ask(condition.http, condition.unix_socket))
        elif condition.metric:
            place = (condition.url, condition.unix_socket)
            if place not in pages:
                pages[place] = _page(ask(*place))
            reading = _of_page(condition, condition.metric, pages[place])
        else:
            reading = _of_query(condition.query, ask=ask, prometheus=prometheus)
        readings[condition.name] = reading
    return readings


def _trouble(why: str) -> Reading:
    return Reading({}, {}, False, "", why)


def _page(answer: Answer) -> list[Series] | str:
    if answer.status != http.client.OK:
        return f"HTTP status {answer.status}" if answer.status else answer.text
    try:
        return parse_exposition(answer.text)
    except PageError as error:
        return f"a page that is not the Prometheus text format: {error}"


def _of_page(condition: Condition, metric: Selector, page: list[Series] | str) -> Reading:
    if isinstance(page, str):
        return _trouble(f"{condition.url} gave no metrics: {page}")
    return Reading(
        series=select(page, metric),
        of=select(page, condition.of) if condition.of else {},
        named=any(one.name == metric.name for one in page),
        text="",
        trouble="",
    )


def _of_http(answer: Answer) -> Reading:
    told = f"HTTP status {answer.status}" if answer.status else f"no answer: {answer.text}"
    return Reading({"": float(answer.status)}, {}, True, told, "")


def _of_query(query: str, *, ask: Ask, prometheus: str) -> Reading:
    url = f"{prometheus.rstrip('/')}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    answer = ask(url, "")
    try:
        told = json.loads(answer.text) if answer.status else {}
    except ValueError:
        told = {}
    if not isinstance(told, dict) or told.get("status") != "success":
        error = told.get("error") if isinstance(told, dict) else None
        why = error or (f"HTTP status {answer.status}" if answer.status else answer.text)
        return _trouble(f"{prometheus} did not answer {query}: {why}")
    data = told["data"]
    if data["resultType"] == "vector":
        values = {series_key("", one["metric"]): float(one["value"][1]) for one in data["result"]}
    elif data["resultType"] == "scalar":
        values = {"": float(data["result"][1])}
    else:
        return _trouble(f"{query} gives a {data['resultType']}, and a gate needs a vector or a scalar")
    return Reading({k: v for k, v in values.items() if not math.isnan(v)}, {}, True, "", "")


def _show(conditions: t.Sequence[Condition], *, run: Runner) -> dict[str, dict[str, str] | str]:
    units = list(dict.fromkeys(condition.unit for condition in conditions if condition.unit))
    if not units:
        return {}
    names = {condition.shown for condition in conditions if condition.unit and condition.shown != EXECUTABLE}
    wanted = sorted(names | {"LoadState", "MainPID"})
    done = run(["systemctl", "show", f"--property={','.join(wanted)}", "--", *units])
    shown = parse_show(done.out, names=units)
    if done.rc or len(shown) != len(units):
        return {unit: done.err.strip() or f"systemctl show ended with {done.rc}" for unit in units}
    return dict(shown)


def _of_unit(condition: Condition, shown: dict[str, str] | str | None, *, proc: str) -> Reading:
    if not isinstance(shown, dict):
        return _trouble(f"systemd did not tell of {condition.unit}: {shown}")
    if shown.get("LoadState") == "not-found":
        return _trouble(f"there is no unit {condition.unit}")
    if condition.shown == EXECUTABLE:
        return _executable(condition.unit, shown.get("MainPID", "0"), proc=proc)
    if condition.shown not in shown:
        return _trouble(f"{condition.unit} has no property {condition.shown}")
    return _property(condition, shown[condition.shown])


def _property(condition: Condition, text: str) -> Reading:
    if condition.equals is not None:
        return Reading({}, {}, True, text, "")
    try:
        return Reading({"": float(text)}, {}, True, text, "")
    except ValueError:
        return _trouble(f"{condition.shown} of {condition.unit} is no number: {text!r}")


def _executable(unit: str, pid: str, *, proc: str) -> Reading:
    if pid in ("", "0"):
        return Reading({}, {}, True, "no process", "")
    try:
        return Reading({}, {}, True, os.readlink(os.path.join(proc, pid, "exe")), "")
    except OSError as error:
        return _trouble(f"the program of process {pid} of {unit}: {error.strerror}")
