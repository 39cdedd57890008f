# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role go_devtools on a real host: an editor's question, a debugging session, settings as sessions see them."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import typing as t

import pytest
from lab.golang_mirror import build_mirror
from lab.places import cache_dir

from .container_lab import PROJECT, ContainerLab, container_lab
from .module_relay import relayed

PLAYBOOK = PROJECT / "molecule" / "playbooks" / "go_devtools.yml"
HOST = "workstation"
BUILD_CACHE = "/root/.cache/go-build"  # where the go command of root has it
PROGRAM = """package main

import "fmt"

func double(n int) int {
\ttwice := n * 2
\treturn twice
}

func main() {
\tfmt.Println(double(21))
}
"""
SESSION = "break main.go:7\ncontinue\nprint twice\ncontinue\nquit\n"


class Workstation(t.NamedTuple):
    """The one host of the lab, and the URL of the proxy that it fetches modules from."""

    lab: ContainerLab
    proxy: str

    def shell(self, script: str, *, stdin: bytes = b"") -> str:
        return self.lab.shell(HOST, script, stdin=stdin)

    def alice(self, script: str) -> str:
        return self.shell("su - alice -c 'sh -e' 2>&1", stdin=script.encode())

    def play(self, *options: str) -> str:
        return self.lab.play(PLAYBOOK, *options, lab_go_proxy=self.proxy)

    def module(self, name: str, **arguments: t.Any) -> dict[str, t.Any]:
        return self.lab.module(HOST, name, **arguments)


@pytest.fixture(scope="module")
def host() -> t.Iterator[Workstation]:
    with container_lab("devtools", **{HOST: "debian-13"}) as lab, relayed(lab.controller) as proxy:
        lab.shell(HOST, "useradd -m -s /bin/sh alice")
        yield Workstation(lab, proxy)


@pytest.fixture(scope="module")
def workstation(host: Workstation) -> Workstation:
    """The host with the role's tools, which it has fetched and built itself.

    What an earlier run has compiled lies in its build cache, where the go command finds a package by its content:
    compiling them anew took half of the time of all tests of this file.
    """
    before = host.shell("ls /usr/local/bin; cat /etc/environment")
    assert "changed=3 " in host.play("--check")
    assert host.shell("ls /usr/local/bin; cat /etc/environment") == before
    key = hashlib.sha256(
        (PROJECT / "roles/go_devtools/defaults/main.yml").read_bytes() + PLAYBOOK.read_bytes()
    )
    compiled = cache_dir() / "go-build" / f"{key.hexdigest()[:16]}.tar"
    if compiled.exists():
        with compiled.open("rb") as stream:
            argv = host.lab.ssh(HOST, f"mkdir -p {BUILD_CACHE} && tar -C {BUILD_CACHE} -xmf -")
            subprocess.run(argv, stdin=stream, check=True)
    host.play()
    if not compiled.exists():
        keep_compiled(host, compiled)
    return host


def keep_compiled(host: Workstation, target: pathlib.Path) -> None:
    """Keep the host's build cache for later runs, in place of those of other tools."""
    target.parent.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as stream:
        subprocess.run(host.lab.ssh(HOST, f"tar -C {BUILD_CACHE} -cf - ."), stdout=stream, check=True)
    os.replace(stream.name, target)
    for other in target.parent.iterdir():
        if other != target:
            other.unlink()


def test_a_second_run_changes_nothing(workstation: Workstation) -> None:
    assert "changed=0 " in workstation.play()


def test_the_language_server_finds_a_definition(workstation: Workstation) -> None:
    client = (PROJECT / "tests/containers/language_client.py").read_bytes()
    workstation.shell("cat > /tmp/language_client.py", stdin=client)
    workstation.alice(
        f"mkdir -p m\ncat > m/main.go <<'GO'\n{PROGRAM}GO\nprintf 'module example.com/m\\n\\ngo 1.26\\n' > m/go.mod\n"
    )
    answer = workstation.alice(
        "timeout 100 python3 /tmp/language_client.py gopls ~/m/main.go 10 14 2>/dev/null"
    )
    told = json.loads(answer)
    assert told["server"] == "gopls"
    (place,) = told["definition"]["result"]
    assert place["uri"].endswith("/m/main.go")
    assert place["range"]["start"] == {"line": 4, "character": 5}


def test_a_debugging_session_of_an_unprivileged_user(workstation: Workstation) -> None:
    """Started by dlv itself, which no ptrace_scope below 3 forbids."""
    workstation.alice(
        f"mkdir -p d && cd d\ncat > main.go <<'GO'\n{PROGRAM}GO\n"
        "printf 'module example.com/d\\n\\ngo 1.26\\n' > go.mod\n"
        "go build -gcflags='-N -l' -o d .\n"
    )
    told = workstation.alice(
        f"cd d\ntimeout 100 dlv exec --allow-non-terminal-interactive=true ./d <<'DLV'\n{SESSION}DLV\n"
    )
    assert "Breakpoint 1 set at" in told
    assert "\n(dlv) 42\n" in told
    assert "has exited with status 0" in told


def test_staticcheck_finds_something(workstation: Workstation) -> None:
    workstation.alice(
        "mkdir -p s && cd s\nprintf 'module example.com/s\\n\\ngo 1.26\\n' > go.mod\n"
        "printf 'package s\\n\\nfunc unused() {}\\n' > s.go\n"
    )
    assert "U1000" in workstation.alice("cd s\nstaticcheck ./... || true")


def test_each_kind_of_session_has_the_settings(workstation: Workstation) -> None:
    wanted = workstation.proxy
    login = workstation.lab.ssh(HOST, "go env GOPROXY", shared=False)
    assert subprocess.run(login, capture_output=True, text=True, check=True).stdout.strip() == wanted
    assert workstation.alice("go env GOPROXY").strip() == wanted
    unit = (
        "systemd-run --quiet --pipe --wait -p EnvironmentFile=-/etc/environment -E HOME=/root go env GOPROXY"
    )
    assert workstation.shell(unit).strip() == wanted
    assert workstation.alice("stat -c %U ~/.config/go/env").strip() == "alice"


def test_the_origins_are_those_that_go_tells(workstation: Workstation) -> None:
    told = workstation.module("go_env", users=[{"name": "alice", "settings": {"GOFLAGS": "-buildvcs=false"}}])
    assert told["changed"] is False
    found = {name: place["value"] for name, place in told["effective"]["alice"].items()}
    known = json.loads(workstation.alice("go env -json"))
    assert found == {name: known[name] for name in found}
    changed = json.loads(workstation.alice("go env -changed -json"))
    ours = {name for name, place in told["effective"]["alice"].items() if place["source"] != "release"}
    assert "GOPROXY" in changed
    assert set(changed) <= ours


def test_the_tree_of_the_release_is_as_published(workstation: Workstation) -> None:
    newer = workstation.shell(
        "cd /usr/local/lib/go/current/ && find . -newer .gofleet.json -type f -not -name .gofleet.json | head"
    )
    assert newer == ""


@pytest.fixture
def mirror_of_the_controller() -> t.Iterator[str]:
    """A mirror that hosts have no way to: it listens where this machine alone connects."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(build_mirror()))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_host_without_a_way_to_the_mirror(workstation: Workstation, mirror_of_the_controller: str) -> None:
    """`auto` is the host's own download; where that fails, the controller sends what the host's Go does not have."""
    wanted = {
        "versions": ["1.26.5", "1.26.6"],
        "active": "1.26.6",
        "mirror": mirror_of_the_controller,
        "timeout": 10,
    }
    refused = workstation.module("go_toolchain", **wanted, delivery="host")
    assert "Connection refused" in refused["msg"]
    assert workstation.shell("ls /usr/local/lib/go").split() == ["1.26.6", "current"]
    done = workstation.module("go_toolchain", **wanted, delivery="auto")
    assert 0 < done["bytes_sent"] < 10_000_000, done
    assert "go1.26.5 " in workstation.shell("/usr/local/lib/go/1.26.5/bin/go version")
    again = workstation.module("go_toolchain", **wanted, delivery="auto")
    assert (again["changed"], again["bytes_sent"]) == (False, 0)


def test_a_tool_of_a_user_and_what_goes_wrong(workstation: Workstation) -> None:
    tool = {"package": "golang.org/x/tools/gopls", "version": "v0.24.0"}
    failed = workstation.module("go_tool", tools=[tool], bin_dir="/opt/tools")
    assert "Install Go 1.27" in failed["error"]["remedy"]
    failed = workstation.module("go_tool", user="alice", tools=[{**tool, "version": "v0.99.0"}])
    # Some proxies answer 403 to what they do not have.
    assert failed["error"]["found"].startswith(("version:", "login:"))
    away = {"GOPROXY": "https://goproxy.invalid"}
    failed = workstation.module(
        "go_tool", user="alice", tools=[{**tool, "version": "v0.22.0"}], environment=away
    )
    assert failed["error"]["found"].startswith("dns: https://goproxy.invalid: ")
    assert workstation.alice("ls -A go/bin").strip() == ""
    small = {"package": "golang.org/x/tools/cmd/fiximports", "version": "v0.30.0"}
    done = workstation.module("go_tool", user="alice", tools=[small])
    assert done["changed"] is True, done
    assert workstation.alice("stat -c %U go/bin/fiximports").strip() == "alice"
    assert workstation.module("go_tool", user="alice", tools=[small])["changed"] is False
    done = workstation.module(
        "go_tool", user="alice", tools=[{"package": small["package"], "state": "absent"}]
    )
    assert done["changed"] is True
    assert workstation.alice("ls -A go/bin").strip() == ""


def test_the_way_to_modules(workstation: Workstation) -> None:
    report = workstation.module("go_proxy_info", user="alice")
    assert (report["modules"]["kind"], report["database"]["kind"]) == ("answered", "answered")
    report = workstation.module(
        "go_proxy_info", goproxy="http://127.0.0.1:9", gosumdb="sum.golang.org+insecure"
    )
    assert (report["modules"]["kind"], report["database"]["kind"]) == ("refused", "syntax")


def test_a_workspace_of_two_modules(workstation: Workstation) -> None:
    workstation.alice(
        "mkdir -p w/a w/b && cd w\n"
        "printf 'module example.com/a\\n\\ngo 1.26\\n' > a/go.mod\n"
        "printf 'package a\\n\\nconst Name = \"a\"\\n' > a/a.go\n"
        "printf 'module example.com/b\\n\\ngo 1.25\\n\\nrequire example.com/a v0.0.0\\n' > b/go.mod\n"
        "printf 'package main\\n\\nimport \"example.com/a\"\\n\\nfunc main() { println(a.Name) }\\n' > b/main.go\n"
    )
    wanted = {"path": "/home/alice/w", "modules": ["a", "b"]}
    assert workstation.module("go_workspace", **wanted)["changed"] is True
    assert workstation.module("go_workspace", **wanted)["changed"] is False
    assert workstation.alice("cd w/b && go run .").strip() == "a"
