# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half, run for real by Ansible against this machine, directories, and a mirror on loopback."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import pathlib
import random
import subprocess
import sys
import tarfile
import threading
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.action.go_toolchain import ActionModule
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.index import Archive
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.options import (
    Offer,
    Payload,
    Request,
)

from ..module_utils.signing_key import needs_gpg, throw_away_key

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


class Site:
    """A home of the controller's user, a mirror, and hosts that are directories."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path, self.files = path, path / "mirror"
        self.files.mkdir()
        self.requests: list[str] = []
        site = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append(self.path)
                super().do_GET()

            def log_message(self, *arguments: object) -> None:
                pass

        def handler(*arguments: t.Any) -> Handler:
            return Handler(*arguments, directory=str(site.files))

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def publish(self, *versions: str) -> None:
        index = self.files / "index.json"
        entries = json.loads(index.read_text()) if index.exists() else []
        for version in versions:
            body = go_archive(version)
            name = f"go{version}.linux-{ARCH}.tar.gz"
            (self.files / name).write_bytes(body)
            file = {"filename": name, "os": "linux", "arch": ARCH, "kind": "archive", "size": len(body)}
            file["sha256"] = hashlib.sha256(body).hexdigest()
            entries.append({"version": f"go{version}", "stable": True, "files": [file]})
        index.write_text(json.dumps(entries))

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def archives_requested(self) -> list[str]:
        return [path for path in self.requests if path.endswith(".tar.gz")]

    def run(
        self, *versions: str, hosts: int = 1, check: bool = False, **options: t.Any
    ) -> list[dict[str, t.Any]]:
        """One play on so many hosts, each a directory; their results."""
        arguments = {
            "versions": list(versions),
            "root": f"{self.path}/{{{{ inventory_hostname }}}}/go",
            "bin_dir": f"{self.path}/{{{{ inventory_hostname }}}}/bin",
            "mirror": self.url,
            "timeout": 5,
            **options,
        }
        names = [f"h{number}" for number in range(hosts)]
        results = self.path / "results"
        argv = ["ansible", "all", f"--inventory={','.join(names)},", "--connection=local", "--diff"]
        argv += [
            "--module-name=gofleet.hosts.go_toolchain",
            f"--args={json.dumps(arguments)}",
            f"--tree={results}",
        ]
        environment = {
            **os.environ,
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_FORKS": "4",
            "HOME": str(self.path / "home"),
            "NO_PROXY": "127.0.0.1",
        }
        done = subprocess.run(
            argv + (["--check"] if check else []),
            env=environment,
            cwd=self.path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert all((results / name).exists() for name in names), done.stdout + done.stderr
        output = done.stdout + done.stderr
        return [{**json.loads((results / name).read_text()), "shown": output} for name in names]

    def go(self, host: str = "h0") -> str:
        argv = [str(self.path / host / "bin" / "go")]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def go_archive(version: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, mode, data in (
            ("VERSION", 0o644, f"go{version}\n".encode()),
            ("bin/go", 0o755, f"#!/bin/sh\necho {version}\n".encode()),
            ("bin/gofmt", 0o755, b"#!/bin/sh\n"),
            ("src/same", 0o644, random.Random(1).randbytes(200_000)),
        ):
            info = tarfile.TarInfo(f"go/{name}")
            info.size, info.mode = len(data), mode
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def site(tmp_path: pathlib.Path) -> t.Iterator[Site]:
    site = Site(tmp_path)
    site.publish("1.26.5", "1.27.2")
    yield site
    site.close()


def test_floating_queries_are_resolved_once_for_all_hosts_and_kept(site: Site) -> None:
    results = site.run("stable", hosts=3)
    assert [result["active"] for result in results] == ["1.27.2"] * 3
    assert len([path for path in site.requests if path.startswith(("/?mode", "/index"))]) == 2
    site.publish("1.27.3")
    site.requests.clear()
    (again,) = site.run("stable")
    assert (again["changed"], again["pins"], site.requests) == (False, {"stable": "1.27.2"}, [])
    (moved,) = site.run("stable", update=True)
    assert (moved["active"], moved["changed"]) == ("1.27.3", True)
    assert site.run(state="rolled_back")[0]["active"] == "1.27.2"


def test_a_lock_file_decides_for_hosts_added_later(site: Site) -> None:
    site.run("1.27", lock="go.lock.json")
    site.publish("1.27.3")
    site.requests.clear()
    results = site.run("1.27", hosts=2, lock="go.lock.json")
    assert [result["active"] for result in results] == ["1.27.2"] * 2
    assert not any("index" in path or "mode" in path for path in site.requests)
    before = (site.path / "go.lock.json").read_text()
    assert site.run("1.27", lock="go.lock.json", update=True, check=True)[0]["active"] == "1.27.3"
    assert (site.path / "go.lock.json").read_text() == before


def test_a_go_mod_and_a_mirror_that_only_the_controller_has(site: Site) -> None:
    (site.path / "app").mkdir()
    (site.path / "app" / "go.mod").write_text("module app\n\ngo 1.26\ntoolchain go1.26.5\n")
    (result,) = site.run("app/go.mod", mirror=f"file://{site.files}")
    assert (result["active"], result["methods"], site.go()) == ("1.26.5", {"1.26.5": "archive"}, "1.26.5")


def test_a_delta_is_sent_and_a_changed_tree_gets_the_archive(site: Site) -> None:
    pytest.importorskip("bsdiff4")
    site.run("1.27.2", hosts=2, delivery="host")
    site.publish("1.27.3")
    site.requests.clear()
    changed = site.path / "h1" / "go" / "1.27.2" / "src" / "same"
    changed.write_text("changed")
    predicted = site.run("1.27.3", hosts=2, delivery="controller", check=True)
    assert [(one["changed"], one["bytes_sent"]) for one in predicted] == [(True, 0)] * 2
    assert site.archives_requested() == []
    delta, whole = site.run("1.27.3", hosts=2, delivery="controller")
    assert (delta["methods"], whole["methods"]) == ({"1.27.3": "delta"}, {"1.27.3": "archive"})
    assert 0 < delta["bytes_sent"] < 2000 < whole["bytes_sent"]
    assert "The host could not apply the delta" in whole["shown"]
    assert sorted(site.archives_requested()) == [f"/go1.27.{patch}.linux-{ARCH}.tar.gz" for patch in (2, 3)]
    assert (site.go("h0"), site.go("h1"), changed.read_text()) == ("1.27.3", "1.27.3", "changed")


def test_the_hosts_read_the_index_where_the_controller_cannot(site: Site) -> None:
    (result,) = site.run("1.27.2", mirror="http://127.0.0.1:9")
    assert "so each host reads it" in result["shown"]
    assert "wanted the list of Go releases" in result["msg"]


@needs_gpg
def test_signatures_are_checked_where_the_archive_is_downloaded(site: Site) -> None:
    name = f"go1.27.2.linux-{ARCH}.tar.gz"
    for key in throw_away_key():
        options = {"signature": key.options(site.path), "delivery": "controller"}
        (site.files / f"{name}.asc").write_bytes(key.sign(b"another"))
        assert "found a signature of another file" in site.run("1.27.2", **options)[0]["msg"]
        (site.files / f"{name}.asc").write_bytes(key.sign((site.files / name).read_bytes()))
        assert site.run("1.27.2", **options)[0]["methods"] == {"1.27.2": "archive"}


def test_an_invalid_query_is_refused_on_the_controller(site: Site) -> None:
    assert "wanted a full version" in site.run("latest")[0]["msg"]
    assert not (site.path / "h0").exists()


class Host(ActionModule):
    """The controller's half with a host that gives the listed answers."""

    def __init__(self, answers: list[dict[str, t.Any]], path: pathlib.Path) -> None:
        self.answers = answers
        self.path = path
        self.warnings: list[str] = []
        self._task = self  # type: ignore[assignment]
        self.check_mode = False
        self._display = self  # type: ignore[assignment]

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def _delivery(self, options: dict[str, t.Any]) -> t.Any:
        return StandInDelivery(self.path)

    def _send(self, version: str, payload: Payload) -> Payload:
        return payload

    def _run_on_host(self, changes: dict[str, t.Any], offer: Offer | None = None) -> dict[str, t.Any]:
        return self.answers.pop(0)


class StandInDelivery:
    """Sends a delta of 7 bytes, or an archive of 100."""

    send_all = no_deltas = False

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def payloads(self, archives: t.Any, *, installed: t.Any) -> dict[str, Payload]:
        if not self.send_all and not self.no_deltas:
            return {}
        file = self.path / "payload"
        file.write_bytes(bytes(100 if self.no_deltas else 7))
        return {"1.27.3": Payload(str(file))}


DONE = {"changed": True}
NOT_FETCHED = {"failed": True, "msg": "no way out", "not_fetched": "https://go.dev/x"}
REFUSED = {"failed": True, "msg": "another tree", "delta_refused": True}


@pytest.mark.parametrize(
    ("delivery", "answers", "failed", "sent", "warnings"),
    [
        ("auto", [DONE], False, 0, []),
        ("auto", [NOT_FETCHED, DONE], False, 7, ["the controller sends the release: no way out"]),
        (
            "auto",
            [NOT_FETCHED, REFUSED, DONE],
            False,
            107,
            ["the controller sends the release", "the controller sends the archive"],
        ),
        ("host", [NOT_FETCHED], True, 0, []),
        ("auto", [{"failed": True, "msg": "disk full"}], True, 0, []),
    ],
)
def test_the_next_way_where_one_fails(
    tmp_path: pathlib.Path,
    *,
    delivery: str,
    answers: list[dict[str, t.Any]],
    failed: bool,
    sent: int,
    warnings: list[str],
) -> None:
    host = Host([dict(answer) for answer in answers], tmp_path)
    offer = Offer({}, None, {"1.27.3": Archive("go1.27.3.linux-amd64.tar.gz", "ab", 7)})
    result = host._deliver({"delivery": delivery}, {}, offer, Request("amd64", [], ["1.27.3"], {}))
    assert (bool(result.get("failed")), result.get("bytes_sent", 0), host.answers) == (failed, sent, [])
    assert len(host.warnings) == len(warnings)
    assert all(part in text for part, text in zip(warnings, host.warnings, strict=True))
    assert "delta_refused" not in result
