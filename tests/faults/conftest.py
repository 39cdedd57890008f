# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host to break: a directory, a mirror that answers as told, and the real module in a process of its own."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tarfile
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from lab.root import as_root

COLLECTIONS = Path(__file__).resolve().parents[2] / ".build"
MODULE = "ansible_collections.gofleet.hosts.plugins.modules.go_toolchain"
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
INDEX = "/?mode=json&include=all"
# KILL_SEED repeats the moments of a run. The workers of xdist start after this line, and have the same one.
SEED = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(1 << 32))
os.environ["KILL_SEED"] = str(SEED)
SAID = "said"


def pytest_terminal_summary(terminalreporter: t.Any) -> None:
    """Show what tests have said, whichever process they ran in."""
    terminalreporter.write_line(f"KILL_SEED={SEED}")
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, text in getattr(report, "user_properties", ()):
                if name == SAID and report.when == "call":
                    terminalreporter.write_line(text)


class Say(t.Protocol):
    """Shows a figure at the end of the run."""

    def __call__(self, text: str) -> None: ...


@pytest.fixture
def say(record_property: t.Callable[[str, object], None]) -> Say:
    return lambda text: record_property(SAID, text)


class Answer(t.NamedTuple):
    """What the mirror says to one path."""

    body: bytes
    status: int = 200
    # Bytes to send of the body before going silent with the connection open.
    stall_after: int | None = None
    # Bytes to send before the connection ends, though more were announced.
    cut_after: int | None = None
    # What follows the first answer: the whole body, or the part of it that is asked for.
    once: bool = False
    ranges: bool = False


class Mirror:
    """A mirror on loopback in go.dev's form, in threads of this process."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[str] = []
        self.wishes: list[str | None] = []
        self.releases: dict[str, list[dict[str, t.Any]]] = {}
        self.stalled = threading.Event()
        self.released = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self) -> None:
        self.released.set()
        if self.thread.is_alive():
            self.server.shutdown()
            self.thread.join(10)
            self.server.server_close()

    def add(self, version: str, archive: bytes | None = None, *, sha256: str = "", arch: str = ARCH) -> str:
        """Publish a release; returns its path."""
        body = go_archive(version) if archive is None else archive
        filename = f"go{version}.linux-{arch}.tar.gz"
        self.answers[f"/{filename}"] = Answer(body)
        self.releases[version] = [
            {
                "filename": filename,
                "os": "linux",
                "arch": arch,
                "version": f"go{version}",
                "sha256": sha256 or hashlib.sha256(body).hexdigest(),
                "size": len(body),
                "kind": "archive",
            }
        ]
        self.answers[INDEX] = Answer(self.index())
        return f"/{filename}"

    def index(self) -> bytes:
        return json.dumps(
            [
                {"version": f"go{version}", "stable": "rc" not in version, "files": files}
                for version, files in self.releases.items()
            ]
        ).encode()

    def start_of(self, answer: Answer, wish: str | None) -> int:
        """Where in the body the answer starts."""
        self.wishes.append(wish)
        return int(wish.partition("=")[2].rstrip("-")) if answer.ranges and wish else 0

    def downloads(self) -> list[str]:
        return [path for path in self.requests if path.endswith(".tar.gz")]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.requests.append(self.path)
                answer = mirror.answers.get(self.path, Answer(b"not here", 404))
                start = mirror.start_of(answer, self.headers.get("Range"))
                if answer.once:
                    mirror.answers[self.path] = Answer(answer.body, ranges=answer.ranges)
                self.send_response(206 if start else answer.status)
                self.send_header("Content-Length", str(len(answer.body) - start))
                self.end_headers()
                end = answer.stall_after if answer.stall_after is not None else answer.cut_after
                self.wfile.write(answer.body[start:end])
                self.wfile.flush()
                if answer.stall_after is not None:
                    mirror.stalled.set()
                    mirror.released.wait(60)
                self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler


def go_archive(
    version: str, *, extra: t.Sequence[tuple[tarfile.TarInfo, bytes]] = (), ballast: int = 40_000
) -> bytes:
    """A small Go: a VERSION file, programs that print it, and some incompressible weight."""
    script = f"#!/bin/sh\necho go version go{version} linux/{ARCH}\n".encode()
    members = [
        (entry("go", kind=tarfile.DIRTYPE, mode=0o755), b""),
        (entry("go/VERSION"), f"go{version}\ntime 2026-01-01T00:00:00Z\n".encode()),
        (entry("go/bin/go", mode=0o755), script),
        (entry("go/bin/gofmt", mode=0o755), script),
        (entry("go/src/ballast"), random.Random(version).randbytes(ballast)),
        *extra,
    ]
    return archive_of(members)


def archive_of(members: t.Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def entry(name: str, *, kind: bytes = tarfile.REGTYPE, mode: int = 0o644, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = kind, mode, link
    return info


def start_module(module: str, arguments: dict[str, t.Any]) -> subprocess.Popen[str]:
    """A module in a process of its own, as on a host, with nothing of this process's environment."""
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join([str(COLLECTIONS), *sys.path])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    process.stdin.close()
    process.stdin = None
    return process


def run_as_root(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command of this machine as root, and tell how it ended."""
    return subprocess.run(as_root([str(word) for word in argv]), capture_output=True, text=True, check=False)


@contextlib.contextmanager
def small_file_system(place: Path, options: str) -> t.Iterator[None]:
    """A file system in memory on a directory, and ours as the directory is."""
    options += f",mode=755,uid={os.getuid()},gid={os.getgid()}"
    mounted = run_as_root("mount", "-t", "tmpfs", "-o", options, "tmpfs", place)
    if mounted.returncode:
        pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        assert run_as_root("umount", place).returncode == 0


class Host:
    """A root and a bin_dir, and the module run on them."""

    def __init__(self, path: Path, mirror: Mirror) -> None:
        self.root = path / "lib" / "go"
        self.bin_dir = path / "bin"
        self.mirror = mirror

    def start(self, *versions: str, check: bool = False, **options: t.Any) -> subprocess.Popen[str]:
        arguments = {
            "versions": list(versions),
            "root": str(self.root),
            "bin_dir": str(self.bin_dir),
            "mirror": self.mirror.url,
            "timeout": 3,
            "_ansible_check_mode": check,
            **options,
        }
        return start_module(MODULE, arguments)

    def finish(self, process: subprocess.Popen[str]) -> dict[str, t.Any]:
        out, err = process.communicate(timeout=60)
        assert out, err
        result: dict[str, t.Any] = json.loads(out)
        return result

    def run(self, *versions: str, **options: t.Any) -> dict[str, t.Any]:
        result = self.finish(self.start(*versions, **options))
        assert not result.get("failed"), result["msg"]
        return result

    def fail(self, *versions: str, **options: t.Any) -> str:
        """Run, expect the module's own error, and return its text."""
        result = self.finish(self.start(*versions, **options))
        assert result.get("failed"), result
        assert set(result["error"]) == {"subject", "wanted", "found", "remedy"}
        return str(result["msg"])

    def go_version(self) -> str:
        """What the Go that a user would get says."""
        done = subprocess.run(
            [self.bin_dir / "go", "version"], capture_output=True, text=True, timeout=20, check=True
        )
        return done.stdout.split()[2]

    def names(self) -> set[str]:
        return set(os.listdir(self.root))


@pytest.fixture
def mirror() -> t.Iterator[Mirror]:
    mirror = Mirror()
    yield mirror
    mirror.stop()


@pytest.fixture
def host(tmp_path: Path, mirror: Mirror) -> Host:
    return Host(tmp_path, mirror)


@pytest.fixture
def ready(host: Host, mirror: Mirror) -> Host:
    """A host that has Go 1.24.2 in use, and a mirror that has 1.24.1 as well."""
    mirror.add("1.24.1")
    mirror.add("1.24.2")
    host.run("1.24.2")
    mirror.requests.clear()
    return host
