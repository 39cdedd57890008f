# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import http.server
import pathlib
import socket
import socketserver
import threading
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._health import (
    HealthCheck,
    parse_health,
    wait_healthy,
)


class Answer(http.server.BaseHTTPRequestHandler):
    """503 to the first question, then 200 to /ok and 404 to anything else."""

    asked: t.ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status = 200 if self.path == "/ok?x=1" else 404
        self.send_response(503 if len(self.asked) == 1 else status)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def address_string(self) -> str:
        return "test"


class UnixServer(socketserver.UnixStreamServer):
    def get_request(self) -> tuple[socket.socket, t.Any]:
        request, dummy = super().get_request()
        return request, ("test", 0)


@pytest.fixture(params=["tcp", "unix"])
def health(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> t.Iterator[HealthCheck]:
    Answer.asked.clear()
    server: socketserver.BaseServer
    path = str(tmp_path / "s")
    server = (
        http.server.HTTPServer(("127.0.0.1", 0), Answer)
        if request.param == "tcp"
        else UnixServer(path, Answer)
    )
    port = server.server_address[1] if request.param == "tcp" else 80
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield HealthCheck(f"http://127.0.0.1:{port!s}/ok?x=1", None if request.param == "tcp" else path, 200, 5)
    server.shutdown()
    thread.join()
    server.server_close()


def test_requests_continue_until_the_service_is_healthy(health: HealthCheck) -> None:
    assert wait_healthy(health, pause=lambda seconds: None) is None
    assert Answer.asked == ["/ok?x=1", "/ok?x=1"]


def test_a_timeout_reports_the_last_answer(health: HealthCheck) -> None:
    wrong = health._replace(status=204, timeout=0.2)
    assert wait_healthy(wrong, pause=lambda seconds: None) == "HTTP status 503"


def test_a_refused_connection_is_reported() -> None:
    found = wait_healthy(HealthCheck("http://127.0.0.1:9/", None, 200, 0.1))
    assert found is not None
    assert "refused" in found


@pytest.mark.parametrize("url", ["https://x/", "127.0.0.1:80", "http:///x"])
def test_only_plain_http_is_accepted(url: str) -> None:
    with pytest.raises(HostError, match="plain HTTP"):
        parse_health({"url": url, "status": 200, "timeout": 1})


def test_warm_up_paths_are_requested_first_and_in_order(health: HealthCheck) -> None:
    assert wait_healthy(health._replace(warm_up=("/first", "/second")), pause=lambda seconds: None) is None
    # 503 is a failure of the server, and 404 an answer.
    assert Answer.asked == ["/first", "/first", "/second", "/ok?x=1"]


def test_a_failing_warm_up_path_is_named(health: HealthCheck) -> None:
    times = iter([0.0, 9.0])
    found = wait_healthy(
        health._replace(warm_up=("/first",)), pause=lambda seconds: None, clock=lambda: next(times)
    )
    assert found == "HTTP status 503 from /first"
