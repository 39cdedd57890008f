# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import io
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._download import (
    HashingReader,
    download,
    read_document,
    shown,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
            return
        self.send_response(200 if self.path == "/file" else 403)
        # A server that says so of a file that is compressed in itself must not get it unpacked on the way.
        self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(b"as it is")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def server() -> t.Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.mark.parametrize("path", ["/file", "/moved"])
def test_bytes_as_they_are(server: str, path: str) -> None:
    assert read_document(server + path, timeout=5, limit=100) == b"as it is"


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    with download(f"file://{tmp_path}/x", timeout=5, limit=3) as stream:
        stream.drain()
    assert (stream.count, stream.sha256) == (3, hashlib.sha256(b"abc").hexdigest())


def test_a_status(server: str) -> None:
    with pytest.raises(HostError, match="HTTP status 403 Forbidden"):
        read_document(server + "/private", timeout=5, limit=100)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "file:///nowhere",
        "nonsense",
        "gopher://x/",
        "http://",
        "http://127.0.0.1:x/",
        "",
    ],
)
def test_what_cannot_be_read(url: str) -> None:
    with pytest.raises(HostError, match="wanted to read it"):
        read_document(url, timeout=5, limit=100)


def test_more_than_the_limit(server: str) -> None:
    with pytest.raises(HostError, match="wanted at most 4 bytes; found more"):
        read_document(server + "/file", timeout=5, limit=4)


def test_a_stream_without_read1() -> None:
    class Plain:
        def __init__(self) -> None:
            self.read = io.BytesIO(b"abc").read

    reader = HashingReader(Plain(), url="x", limit=10)
    assert reader.read(2) + reader.read(2) + reader.read(2) == b"abc"


def test_passwords_are_not_shown() -> None:
    assert shown("https://me:secret@host:1/a?b=c") == "https://host:1/a?b=c"
