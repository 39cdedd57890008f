# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import http.server
import json
import os
import pathlib
import threading
import typing as t
import urllib.parse

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._gate.sample import (
    Reading,
    Response,
    http_fetch,
    read_sample,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed

from .test_condition import conditions

PAGE = 'r{code="200"} 5\nr{code="500"} 1\nd_bucket{le="+Inf"} 6\n'
Shown = t.Dict[str, str]


def fetch_from(answers: dict[str, Response], asked: list[str]) -> t.Callable[[str, str], Response]:
    def fetch(url: str, unix_socket: str) -> Response:
        asked.append(url)
        return answers.get(url, Response(0, "Connection refused"))

    return fetch


def sample(
    *entries: dict[str, t.Any], answers: dict[str, Response] | None = None, shown: str = "", **more: t.Any
) -> tuple[dict[str, Reading], list[str]]:
    asked: list[str] = []
    argvs: list[list[str]] = []

    def run(argv: list[str], **options: t.Any) -> Completed:
        argvs.append(argv)
        return Completed(0, shown, "")

    wanted = conditions(*entries, prometheus="http://p:9090")
    pages = {"http://h/metrics": Response(200, PAGE), **(answers or {})}
    readings = read_sample(
        wanted, fetch=fetch_from(pages, asked), run=run, prometheus="http://p:9090/", **more
    )
    return readings, asked + [argv[2] for argv in argvs]


def test_a_page_is_read_once_for_all_conditions() -> None:
    readings, asked = sample(
        {"name": "errors", "kind": "ratio", "metric": "r", "labels": {"code": "=~5.."}, "max": 0.1},
        {"name": "slow", "kind": "quantile", "metric": "d", "max": 1},
        {"name": "none", "metric": "r", "labels": {"code": "404"}, "max": 1},
        {"name": "typo", "metric": "rr", "max": 1},
    )
    assert asked == ["http://h/metrics"]
    assert readings["errors"].series == {'r{code="500"}': 1}
    assert sum(readings["errors"].of.values()) == 6
    assert readings["slow"].series == {'d_bucket{le="+Inf"}': 6}
    assert (readings["none"].series, readings["none"].named) == ({}, True)
    assert (readings["typo"].series, readings["typo"].named) == ({}, False)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Response(0, "Connection refused"), ": Connection refused"),
        (Response(503, "x"), ": HTTP status 503"),
        (Response(200, "<html>"), "not the Prometheus text format: line 1"),
    ],
)
def test_an_unusable_page_is_an_error(answer: Response, error: str) -> None:
    readings, dummy = sample({"metric": "r", "max": 1}, answers={"http://h/metrics": answer})
    assert error in readings["c"].error


def test_http_reads_a_status_or_no_answer() -> None:
    answers = {"http://h/a": Response(503, "no")}
    readings, dummy = sample(
        {"name": "a", "kind": "status", "http": "http://h/a"},
        {"name": "b", "kind": "status", "http": "http://h/b"},
        answers=answers,
    )
    assert (readings["a"].text, readings["a"].series) == ("HTTP status 503", {"": 503})
    assert (readings["b"].text, readings["b"].error) == ("no answer: Connection refused", "")


def prometheus(data: t.Any) -> Response:
    return Response(200, json.dumps({"status": "success", "data": data}))


@pytest.mark.parametrize(
    ("answer", "series", "error"),
    [
        (
            prometheus(
                {
                    "resultType": "vector",
                    "result": [
                        {"metric": {"__name__": "up", "job": "a"}, "value": [1, "1"]},
                        {"metric": {}, "value": [1, "NaN"]},
                    ],
                }
            ),
            {'{__name__="up",job="a"}': 1},
            "",
        ),
        (prometheus({"resultType": "scalar", "result": [1, "3.5"]}), {"": 3.5}, ""),
        (prometheus({"resultType": "matrix", "result": []}), {}, "gives a matrix"),
        (Response(400, json.dumps({"status": "error", "error": "parse error"})), {}, "parse error"),
        (Response(502, "<html>"), {}, "HTTP status 502"),
        (Response(0, "timed out"), {}, "timed out"),
        (Response(200, "[]"), {}, "HTTP status 200"),
    ],
)
def test_queries(answer: Response, series: dict[str, float], error: str) -> None:
    url = "http://p:9090/api/v1/query?" + urllib.parse.urlencode({"query": "up > 0"})
    readings, asked = sample({"query": "up > 0", "max": 1}, answers={url: answer})
    assert asked == [url]
    assert readings["c"].series == series
    assert error in readings["c"].error
    assert bool(error) == bool(readings["c"].error)


def test_one_command_shows_all_units(tmp_path: pathlib.Path) -> None:
    (tmp_path / "42").mkdir()
    os.symlink("/opt/gofleet/a/1.0/a", tmp_path / "42/exe")
    entries: list[dict[str, t.Any]] = [
        {"name": "restarts", "unit": "a.service", "max": 0},
        {"name": "active", "unit": "a.service", "property": "ActiveState", "equals": "active"},
        {"name": "program", "unit": "a.service", "property": "Executable", "equals": "/opt/gofleet/a/1.0/a"},
        {"name": "odd", "unit": "a.service", "property": "ActiveState", "max": 0},
        {"name": "missing", "unit": "a.service", "property": "Nothing", "max": 0},
        {"name": "dead", "unit": "b.service", "property": "Executable", "equals": "x"},
        {"name": "vanished", "unit": "c.service", "property": "Executable", "equals": "x"},
        {"name": "unknown", "unit": "d.service", "max": 0},
    ]
    shown = (
        "LoadState=loaded\nMainPID=42\nNRestarts=2\nActiveState=active\n\n"
        "LoadState=loaded\nMainPID=0\nNRestarts=0\nActiveState=failed\n\n"
        "LoadState=loaded\nMainPID=43\nNRestarts=0\nActiveState=active\n\n"
        "LoadState=not-found\nMainPID=0\nNRestarts=0\nActiveState=inactive\n"
    )
    readings, asked = sample(*entries, shown=shown, proc=str(tmp_path))
    assert asked == ["--property=ActiveState,LoadState,MainPID,NRestarts,Nothing"]
    assert readings["restarts"].series == {"": 2}
    assert readings["active"].text == "active"
    assert readings["program"].text == "/opt/gofleet/a/1.0/a"
    assert readings["dead"].text == "no process"
    errors = {name: readings[name].error for name in ("odd", "missing", "vanished", "unknown")}
    assert errors == {
        "odd": "ActiveState of a.service is not a number: 'active'",
        "missing": "a.service has no property Nothing",
        "vanished": "the program of process 43 of c.service: No such file or directory",
        "unknown": "there is no unit d.service",
    }


def test_a_failed_systemctl_is_an_error() -> None:
    readings, dummy = sample({"unit": "a.service", "max": 0}, shown="")
    assert "no properties of a.service" in readings["c"].error


class Page(http.server.BaseHTTPRequestHandler):
    """/metrics with what was asked for in a label; 503 elsewhere."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/metrics" else 503)
        self.end_headers()
        self.wfile.write(f'asked{{by="{self.headers["Authorization"]}"}} 1\n'.encode())

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def address() -> t.Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_over_http(address: str) -> None:
    fetch = http_fetch(timeout=5, headers={"Authorization": "me"}, validate_certs=True, ca_path=None)
    assert fetch(f"{address}/metrics", "") == Response(200, 'asked{by="me"} 1\n')
    assert fetch(f"{address}/", "").status == 503
    nobody = fetch("http://127.0.0.1:9/", "")
    assert nobody.status == 0
    assert "refused" in nobody.text
    assert fetch(f"{address}/metrics", "/nowhere/socket").status == 0
