"""The web server of the Go mirror: answers as go.dev/dl does. Runs as a daemon of its lab."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .errors import LabError
from .golang_index import select
from .golang_mirror import OFFICIAL, mirror_base
from .process import SERVER_MODULE
from .recipe import NAT_CONTROLLER
from .state import Lab, free_port

PREFIX = "/dl/"
START_SECONDS = 60.0


class MirrorHandler(BaseHTTPRequestHandler):
    """Serves the files of one flat folder below ``/dl/``, and the release list at ``/dl/``."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *args: object, root: Path) -> None:
        self.root = root
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer with the list or a file."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Answer with the headers alone."""
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        if url.path in (PREFIX, PREFIX.rstrip("/")):
            releases = json.loads((self.root / "index.json").read_text())
            text = json.dumps(select(releases, include_all=query.get("include") == ["all"])).encode()
            self._headers(length=len(text), kind="application/json")
            if body:
                self.wfile.write(text)
            return
        path = self.root / url.path.removeprefix(PREFIX)
        if path.parent != self.root or not path.is_file():
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        kind = "application/json" if path.suffix == ".json" else "application/octet-stream"
        with path.open("rb") as stream:
            self._headers(length=os.fstat(stream.fileno()).st_size, kind=kind)
            if body:
                shutil.copyfileobj(stream, self.wfile)

    def _headers(self, *, length: int, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()


def start(lab: Lab, *, bind: str = "127.0.0.1", seen_as: str = NAT_CONTROLLER) -> str:
    """Start the lab's mirror on the address ``bind`` and return its URL as the hosts see it.

    Where go.dev answers, nothing is started and its URL is returned. Raises LabError if the server doesn't answer.
    """
    root = mirror_base()
    if root is None:
        return OFFICIAL
    port = free_port()
    argv = [sys.executable, "-m", SERVER_MODULE, "--root", str(root), "--bind", bind, "--port", str(port)]
    with (lab.folder / "mirror.log").open("w") as log:
        server = subprocess.Popen(
            [*argv, "--lab", f"{lab.folder}/"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
            start_new_session=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        )  # fmt: skip
    _wait(server, url=f"http://{bind}:{port}/dl/index.json", log=lab.folder / "mirror.log")
    return f"http://{seen_as}:{port}/dl"


def _wait(server: subprocess.Popen[bytes], *, url: str, log: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with direct.open(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise LabError(f"Go mirror: wanted an answer from {url}, found none; its log says:\n{log.read_text()}")


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--bind", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--lab", required=True, help="marks the process as this lab's; not read")
    options = parser.parse_args()
    handler = partial(MirrorHandler, root=options.root)
    ThreadingHTTPServer((options.bind, options.port), handler).serve_forever()


if __name__ == "__main__":
    main()
