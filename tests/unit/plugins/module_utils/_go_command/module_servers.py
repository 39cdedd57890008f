# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real servers on the loopback interface that give the listed replies, with TLS and certificates made for the test."""

from __future__ import annotations

import contextlib
import http.server
import pathlib
import select
import socket
import ssl
import subprocess
import threading
import typing as t
import urllib.parse

__all__ = ["Reply", "Seen", "certificate", "deaf", "serving", "tunnelling"]

JSON = "application/json"
PLAIN = "text/plain"


class Reply(t.NamedTuple):
    status: int = 200
    body: str = ""
    kind: str = PLAIN
    headers: tuple[tuple[str, str], ...] = ()


class Seen(t.NamedTuple):
    """The requests that a server received."""

    url: str
    paths: list[str]
    headers: list[dict[str, str]]


@contextlib.contextmanager
def serving(
    replies: t.Callable[[str], Reply], *, tls: tuple[pathlib.Path, pathlib.Path] | None = None
) -> t.Iterator[Seen]:
    """A server that answers each path with what ``replies`` says; CONNECT too, with its target as the path."""
    seen = Seen("", [], [])

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.paths.append(self.path)
            seen.headers.append({name.lower(): value for name, value in self.headers.items()})
            reply = replies(self.path)
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            self.send_header("Content-Length", str(len(reply.body.encode())))
            for name, value in reply.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body.encode())

        def do_CONNECT(self) -> None:
            self.do_GET()

        def log_message(self, *arguments: object) -> None:
            pass

    class Quiet(http.server.ThreadingHTTPServer):
        def handle_error(self, *arguments: object) -> None:
            """A client that refuses a certificate breaks off: that is what is tested."""

    server = Quiet(("127.0.0.1", 0), Handler)
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield seen._replace(url=f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def tunnelling(to: str) -> t.Iterator[Seen]:
    """An HTTP proxy that connects each CONNECT to the server of a URL, whatever the requested name is."""
    seen = Seen("", [], [])
    place = urllib.parse.urlsplit(to)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            seen.paths.append(self.path)
            seen.headers.append({name.lower(): value for name, value in self.headers.items()})
            with socket.create_connection((place.hostname, place.port)) as there:
                self.send_response(200)
                self.end_headers()
                other = {self.connection: there, there: self.connection}
                while ready := select.select(list(other), [], [], 10)[0]:
                    data = ready[0].recv(65536)
                    if not data:
                        break
                    other[ready[0]].sendall(data)
            self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield seen._replace(url=f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def deaf() -> t.Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def certificate(
    directory: pathlib.Path, *, name: str, dates: tuple[str, str]
) -> tuple[pathlib.Path, pathlib.Path]:
    """A self-signed certificate for a name, between two dates as YYYYMMDD, and its key."""
    stem = f"{name}-{dates[0]}".replace(":", "-")
    key, request, made = (directory / f"{stem}.{end}" for end in ("key", "csr", "crt"))
    settings = directory / f"{stem}.cnf"
    (directory / f"{stem}.index").touch()
    (directory / f"{stem}.new").mkdir()
    settings.write_text(
        f"""[ca]
default_ca = this
[this]
database = {directory}/{stem}.index
new_certs_dir = {directory}/{stem}.new
rand_serial = yes
default_md = sha256
policy = anything
x509_extensions = names
[anything]
commonName = supplied
[names]
subjectAltName = {name}
basicConstraints = critical,CA:TRUE
"""
    )
    start, end = (f"{date}000000Z" for date in dates)
    for argv in (
        [
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=test",
            "-keyout",
            str(key),
            "-out",
            str(request),
        ],
        [
            "ca",
            "-batch",
            "-selfsign",
            "-notext",
            "-config",
            str(settings),
            "-keyfile",
            str(key),
            "-in",
            str(request),
            "-startdate",
            start,
            "-enddate",
            end,
            "-out",
            str(made),
        ],
    ):
        done = subprocess.run(["openssl", *argv], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"openssl {argv[0]} ended with {done.returncode}: {done.stderr}")
    return made, key
