# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's way to modules, for hosts that have none of their own: a proxy that asks the controller's proxy."""

from __future__ import annotations

import contextlib
import http.server
import subprocess
import threading
import typing as t
import urllib.error
import urllib.request

__all__ = ["relayed"]

_SECONDS = 60


@contextlib.contextmanager
def relayed(address: str) -> t.Iterator[str]:
    """The URL of a proxy of modules on an address of the controller; it carries the checksum database, too."""
    listed = subprocess.run(
        ["go", "env", "GOPROXY"], capture_output=True, text=True, check=True
    ).stdout.strip()
    upstream = listed.replace("|", ",").split(",")[0].rstrip("/")
    if not upstream.startswith("http"):
        raise RuntimeError(f"GOPROXY of this machine begins with {upstream}: wanted a proxy of modules")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                with urllib.request.urlopen(upstream + self.path, timeout=_SECONDS) as answer:
                    status, body = answer.status, answer.read()
            except urllib.error.HTTPError as error:
                status, body = error.code, error.read()
            except OSError as error:
                status, body = 502, str(error).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((address, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{address}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
