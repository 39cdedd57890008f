# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Take one sample of a gate from metrics pages, Prometheus, systemd and HTTP addresses."""

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

__all__ = ["Fetch", "Reading", "Response", "http_fetch", "read_sample"]

_PAGE_LIMIT = 32 * 1024 * 1024  # bytes; a page of 100,000 series has about 10 MiB


class Response(t.NamedTuple):
    """The status and text of an HTTP response.

    Without a response, the status is 0 and the text is the error.
    """

    status: int
    text: str


# Called with a URL and the path of a Unix socket or an empty string.
Fetch = t.Callable[[str, str], Response]


class Reading(t.NamedTuple):
    """What a condition read in one sample.

    series: values by series key
    of: values of the metric of the whole, for kind ratio
    named: whether the page has the metric at all, with any labels
    text: the text of a property or status
    error: why nothing was read, or an empty string
    """

    series: dict[str, float]
    of: dict[str, float]
    named: bool
    text: str
    error: str


def http_fetch(
    *, timeout: float, headers: t.Mapping[str, str], validate_certs: bool, ca_path: str | None
) -> Fetch:
    """Return a Fetch over HTTP without a proxy.

    The timeout is in seconds.
    """

    def fetch(url: str, unix_socket: str) -> Response:
        try:
            with open_url(
                url,
                timeout=timeout,
                use_proxy=False,
                headers={"Accept": "text/plain;version=0.0.4;q=1,*/*;q=0.1", **headers},
                validate_certs=validate_certs,
                ca_path=ca_path,
                unix_socket=unix_socket or None,
            ) as response:
                body = response.read(_PAGE_LIMIT + 1)
        except urllib.error.HTTPError as error:
            return Response(error.code, error.read(_PAGE_LIMIT).decode("utf-8", "replace"))
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            return Response(0, str(getattr(error, "reason", "") or error) or type(error).__name__)
        if len(body) > _PAGE_LIMIT:
            return Response(0, f"more than {_PAGE_LIMIT} bytes")
        return Response(response.status, body.decode("utf-8", "replace"))

    return fetch


def read_sample(
    conditions: t.Sequence[Condition], *, fetch: Fetch, run: Runner, prometheus: str, proc: str = "/proc"
) -> dict[str, Reading]:
    """Return the readings of all conditions by name.

    Each page is read once.
    """
    pages: dict[tuple[str, str], list[Series] | str] = {}
    shown = _show(conditions, run=run)
    readings: dict[str, Reading] = {}
    for condition in conditions:
        if condition.unit:
            reading = _of_unit(condition, shown.get(condition.unit), proc=proc)
        elif condition.http:
            reading = _of_http(fetch(condition.http, condition.unix_socket))
        elif condition.metric:
            place = (condition.url, condition.unix_socket)
            if place not in pages:
                pages[place] = _page(fetch(*place))
            reading = _of_page(condition, condition.metric, pages[place])
        else:
            reading = _of_query(condition.query, fetch=fetch, prometheus=prometheus)
        readings[condition.name] = reading
    return readings


def _failed_reading(error: str) -> Reading:
    return Reading({}, {}, False, "", error)


def _page(response: Response) -> list[Series] | str:
    if response.status != http.client.OK:
        return f"HTTP status {response.status}" if response.status else response.text
    try:
        return parse_exposition(response.text)
    except PageError as error:
        return f"a page that is not the Prometheus text format: {error}"


def _of_page(condition: Condition, metric: Selector, page: list[Series] | str) -> Reading:
    if isinstance(page, str):
        return _failed_reading(f"no metrics from {condition.url}: {page}")
    return Reading(
        series=select(page, metric),
        of=select(page, condition.of) if condition.of else {},
        named=any(one.name == metric.name for one in page),
        text="",
        error="",
    )


def _of_http(response: Response) -> Reading:
    text = f"HTTP status {response.status}" if response.status else f"no answer: {response.text}"
    return Reading({"": float(response.status)}, {}, True, text, "")


def _of_query(query: str, *, fetch: Fetch, prometheus: str) -> Reading:
    url = f"{prometheus.rstrip('/')}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    response = fetch(url, "")
    try:
        reply = json.loads(response.text) if response.status else {}
    except ValueError:
        reply = {}
    if not isinstance(reply, dict) or reply.get("status") != "success":
        error = reply.get("error") if isinstance(reply, dict) else None
        error = error or (f"HTTP status {response.status}" if response.status else response.text)
        return _failed_reading(f"{prometheus} did not answer {query}: {error}")
    data = reply["data"]
    if data["resultType"] == "vector":
        values = {series_key("", one["metric"]): float(one["value"][1]) for one in data["result"]}
    elif data["resultType"] == "scalar":
        values = {"": float(data["result"][1])}
    else:
        return _failed_reading(f"{query} gives a {data['resultType']}, and a gate needs a vector or a scalar")
    return Reading({k: v for k, v in values.items() if not math.isnan(v)}, {}, True, "", "")


def _show(conditions: t.Sequence[Condition], *, run: Runner) -> dict[str, dict[str, str] | str]:
    units = list(dict.fromkeys(condition.unit for condition in conditions if condition.unit))
    if not units:
        return {}
    names = {
        condition.unit_property
        for condition in conditions
        if condition.unit and condition.unit_property != EXECUTABLE
    }
    wanted = sorted(names | {"LoadState", "MainPID"})
    done = run(["systemctl", "show", f"--property={','.join(wanted)}", "--", *units])
    shown = parse_show(done.out, names=units)
    if done.rc or len(shown) != len(units):
        return {unit: done.err.strip() or f"exit status {done.rc} of systemctl show" for unit in units}
    return dict(shown)


def _of_unit(condition: Condition, shown: dict[str, str] | str | None, *, proc: str) -> Reading:
    if not isinstance(shown, dict):
        return _failed_reading(f"no properties of {condition.unit}: {shown}")
    if shown.get("LoadState") == "not-found":
        return _failed_reading(f"there is no unit {condition.unit}")
    if condition.unit_property == EXECUTABLE:
        return _executable(condition.unit, shown.get("MainPID", "0"), proc=proc)
    if condition.unit_property not in shown:
        return _failed_reading(f"{condition.unit} has no property {condition.unit_property}")
    return _property(condition, shown[condition.unit_property])


def _property(condition: Condition, text: str) -> Reading:
    if condition.equals is not None:
        return Reading({}, {}, True, text, "")
    try:
        return Reading({"": float(text)}, {}, True, text, "")
    except ValueError:
        return _failed_reading(f"{condition.unit_property} of {condition.unit} is not a number: {text!r}")


def _executable(unit: str, pid: str, *, proc: str) -> Reading:
    if pid in ("", "0"):
        return Reading({}, {}, True, "no process", "")
    try:
        return Reading({}, {}, True, os.readlink(os.path.join(proc, pid, "exe")), "")
    except OSError as error:
        return _failed_reading(f"the program of process {pid} of {unit}: {error.strerror}")
