# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import hashlib
import io
import ssl
import threading
import typing as t
import urllib.error
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme
from ansible_collections.gofleet.hosts.plugins.module_utils import _download
from ansible_collections.gofleet.hosts.plugins.module_utils._download import (
    Access,
    HashingReader,
    download,
    read_document,
    redacted,
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
        # A tar.gz is sent with this header by some servers. It must not be decompressed.
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
def test_bytes_are_not_decompressed(server: str, path: str) -> None:
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
    with pytest.raises(HostError, match="wanted a file that can be downloaded"):
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
    assert redacted("https://me:secret@host:1/a?b=c") == "https://host:1/a?b=c"


DATA = bytes(range(256)) * 40


class BrokenStreams:
    """Streams of one file that end, or fail, after so many bytes each."""

    def __init__(self, *parts: int | Exception) -> None:
        self.parts = list(parts)
        self.starts: list[int] = []

    def open(self, start: int) -> io.BytesIO:
        self.starts.append(start)
        part = self.parts.pop(0)
        if isinstance(part, Exception):
            raise part
        return io.BytesIO(DATA[start : start + part])

    def reader(self) -> HashingReader:
        return HashingReader(self.open(0), url="x", limit=len(DATA), reopen=self.open, size=len(DATA))


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(_download.time, "sleep", slept.append)
    return slept


def test_a_download_that_breaks_twice_is_resumed(pauses: list[float]) -> None:
    streams = BrokenStreams(1000, ConnectionResetError("reset"), 2000, len(DATA))
    reader = streams.reader()
    reader.drain()
    assert streams.starts == [0, 1000, 1000, 3000]
    assert (reader.count, reader.sha256) == (len(DATA), hashlib.sha256(DATA).hexdigest())
    assert pauses == [0.2, 1.0, 0.2]


def test_a_server_that_stays_unreachable(pauses: list[float]) -> None:
    streams = BrokenStreams(1000, *[OSError("down")] * 3)
    reader = streams.reader()
    reader.drain()
    assert (reader.count, pauses) == (1000, [0.2, 1.0, 3.0])


def test_a_connection_that_always_breaks(pauses: list[float]) -> None:
    streams = BrokenStreams(*[10] * 100)
    reader = streams.reader()
    reader.drain()
    assert (reader.count, len(streams.starts)) == (10 * 21, 21)


@pytest.mark.parametrize(("status", "attempts"), [(416, 1), (404, 1), (503, 3)])
def test_only_server_errors_are_retried(pauses: list[float], status: int, attempts: int) -> None:
    streams = BrokenStreams(1000, *[urllib.error.HTTPError("x", status, "no", {}, None)] * 3)  # type: ignore[arg-type]
    reader = streams.reader()
    reader.drain()
    assert (reader.count, len(streams.starts) - 1) == (1000, attempts)


def test_a_failing_read_reports_the_bytes_so_far(pauses: list[float]) -> None:
    class Failing(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            raise TimeoutError("timed out")

    reader = HashingReader(Failing(), url="x", limit=10, reopen=lambda start: Failing(), size=10)
    with pytest.raises(HostError, match="timed out after 0 bytes"):
        reader.read(5)
    assert pauses == [0.2, 1.0, 3.0]


class Recorder(BaseHTTPRequestHandler):
    """Record the headers of requests; send half of the file, and then the requested range."""

    headers_seen: t.ClassVar[list[dict[str, str]]] = []
    elsewhere = ""

    def do_GET(self) -> None:
        self.headers_seen.append({name.lower(): value for name, value in self.headers.items()})
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", self.elsewhere)
            self.end_headers()
            return
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(DATA) - start))
        self.end_headers()
        self.wfile.write(DATA[start : None if start else 5000])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None = None) -> t.Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Recorder)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join(5)
    server.server_close()


def test_a_private_certificate_authority(tmp_path: Path, pauses: list[float]) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serving(context) as port:
        url = f"https://127.0.0.1:{port}/file"
        with pytest.raises(HostError, match="certificate verify failed"):
            read_document(url, timeout=5, limit=len(DATA))
        access = Access(ca_path=str(tmp_path / "ca.pem"))
        with download(url, timeout=5, limit=len(DATA), size=len(DATA), access=access) as stream:
            stream.drain()
        assert stream.sha256 == hashlib.sha256(DATA).hexdigest()
    with pytest.raises(HostError, match="No such file"):
        read_document(url, timeout=5, limit=9, access=Access(ca_path=str(tmp_path / "none.pem")))


def test_headers_and_passwords_are_sent_only_to_the_server_of_the_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n", encoding="utf-8")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    Recorder.headers_seen.clear()
    with serving() as port:
        Recorder.elsewhere = f"http://localhost:{port}/file"
        access = Access(headers={"X-Token": "secret"})
        read_document(f"http://127.0.0.1:{port}/moved", timeout=5, limit=len(DATA), access=access)
    first, second = Recorder.headers_seen
    assert (first["x-token"], first["authorization"][:6]) == ("secret", "Basic ")
    assert not {"x-token", "authorization"} & set(second)
