# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs killed at random moments: the host always has a Go and a service that work, and the next run mends the rest.

KILL_TRIALS=200 makes as many of each; KILL_SEED repeats the moments of a run that printed it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import typing as t
import urllib.request
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._release.item import describe_program
from ansible_collections.gofleet.hosts.plugins.plugin_utils._delta.cache import DeltaCache
from ansible_collections.gofleet.hosts.plugins.plugin_utils._release.artefact import read_artefact
from ansible_collections.gofleet.hosts.plugins.plugin_utils._release.delta import pack_delta

from .conftest import ARCH, SEED, Host, Mirror, Say, start_module
from .kill_trials import MARKER, Trials

PROJECT = Path(__file__).resolve().parents[2]
MODULE = "ansible_collections.gofleet.hosts.plugins.modules.release"
COUNT = int(os.environ.get("KILL_TRIALS", "0"))
MIDDLE = {"2 locked", "3 writing", "4 marked, not renamed", "5 committed, not switched"}
LATE = {"4 marked, not renamed", "5 committed, not switched", "6 switched"}
MANY = 100  # trials from which on every phase must have been hit


class Service:
    """A store of releases of a real program in two builds, and the module run on it."""

    def __init__(self, path: Path) -> None:
        self.root = path / "opt"
        self.store = self.root / "hello"
        self.programs = [_hello(path, build) for build in ("one", "two")]
        self.deltas = [_delta(path, old=self.programs[1 - to], new=self.programs[to]) for to in (0, 1)]

    def start(self, number: int) -> subprocess.Popen[str]:
        """Ship version ``t<number>``, by turns one build or the other, and by turns as a delta or whole."""
        artefact = read_artefact(str(self.programs[number % 2]))
        delta = number > 0 and number % 4 < 2
        item = {
            "name": "hello",
            "version": f"t{number}",
            "sha256": artefact.sha256,
            "size": artefact.size,
            "goarch": artefact.goarch,
            "needs": artefact.needs,
            "files": [{"path": "etc/hello.conf", "data": "bnVtYmVyCg=="}],
            "artefact": self.deltas[number % 2] if delta else artefact.path,
            "delta": delta,
        }
        arguments = {"releases": [item], "root": str(self.root), "keep": 2, "switch": True}
        return start_module(MODULE, arguments)

    def run(self, number: int) -> dict[str, t.Any]:
        out, err = self.start(number).communicate(timeout=60)
        assert out, err
        result: dict[str, t.Any] = json.loads(out)
        assert not result.get("failed"), result
        return result

    def check_serves(self) -> str:
        """The version in use, whose program must be whole, start and answer."""
        version = os.readlink(self.store / "current")
        program = self.store / "current" / "hello"
        number = int(version[1:]) % 2
        assert _sha256(program) == _sha256(self.programs[number])
        assert ("one", "two")[number] in _answer(program)
        assert (self.store / "current" / "etc" / "hello.conf").read_text(encoding="utf-8") == "number\n"
        return version

    def check_converged(self, number: int) -> None:
        assert self.check_serves() == f"t{number}"
        left = {".lock", f"t{number}", f"t{number - 1}", "current", "previous"}
        assert set(os.listdir(self.store)) == left
        assert os.readlink(self.store / "previous") == f"t{number - 1}"


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go here to build the program with")
def test_release_is_killed(tmp_path: Path, say: Say) -> None:
    service = Service(tmp_path)
    service.run(0)
    began = time.monotonic()
    service.run(1)
    trials = Trials(SEED, count=COUNT or 14, seconds=time.monotonic() - began)
    for number, kill in enumerate(trials.kills(), start=2):
        phase = trials.kill(service.start(number), kill, store=service.store, version=f"t{number}")
        in_use = service.check_serves()
        done = phase in ("ended", "6 switched")
        assert in_use == (f"t{number}" if done else f"t{number - 1}"), (phase, kill)
        service.run(number)
        service.check_converged(number)
    assert not service.run(trials.count + 1)["changed"]
    _tell(trials, "release", say)


def test_install_is_killed(tmp_path: Path, mirror: Mirror, say: Say) -> None:
    """Two real releases of Go; each is installed over the other, again and again killed on the way."""
    url, versions = _real_go()
    host = Host(tmp_path, mirror)
    trees = {version: _members(url, version) for version in versions}
    host.run(versions[0], mirror=url, timeout=60)
    began = time.monotonic()
    host.run(versions[1], mirror=url, timeout=60)
    trials = Trials(SEED, count=COUNT or 6, seconds=time.monotonic() - began)
    target = 1
    for number, kill in enumerate(trials.kills()):
        if os.readlink(host.root / "current") == versions[target]:
            target = 1 - target
            _forget(host, versions[target], url=url)
        process = host.start(versions[target], mirror=url, timeout=60)
        trials.kill(process, kill, store=host.root, version=versions[target])
        in_use = os.readlink(host.root / "current")
        assert host.go_version() == f"go{in_use}", kill
        assert _tree(host.root / in_use) == trees[in_use], kill
        if number % 10 == 9:
            _check_installed(host, versions, target, url=url)
    _check_installed(host, versions, target, url=url)
    _tell(trials, "go_toolchain", say)


def _check_installed(host: Host, versions: list[str], target: int, *, url: str) -> None:
    """The next run converges, leaves nothing of those that were killed, and the Go in use builds."""
    host.run(versions[target], mirror=url, timeout=60)
    assert host.go_version() == f"go{versions[target]}"
    assert _built_by(host) == f"go{versions[target]}"
    assert host.names() == {".lock", *versions, "current", "previous"}
    assert not host.run(versions[target], mirror=url, timeout=60)["changed"]


def _forget(host: Host, version: str, *, url: str) -> None:
    """Take the version that is not in use away, so that it can be installed again."""
    shutil.rmtree(host.root / version)
    (host.root / "previous").unlink()


def _real_go() -> tuple[str, list[str]]:
    """The lab's mirror of real releases, and two of them."""
    done = subprocess.run([sys.executable, "-m", "lab", "mirror"], capture_output=True, text=True, check=True)
    place = Path(done.stdout.split()[-1])
    index = json.loads((place / "index.json").read_bytes())
    versions = [
        release["version"][2:] for release in index if list(place.glob(f"{release['version']}.linux-*"))
    ]
    if len(versions) < 2:
        pytest.skip(f"the mirror in {place} has {len(versions)} release, and two are needed")
    return f"file://{place}", versions[:2]


def _members(url: str, version: str) -> dict[str, int]:
    """The files of a release by name, each with its size, as its archive has them."""
    place = Path(url.removeprefix("file://")) / f"go{version}.linux-{ARCH}.tar.gz"
    with tarfile.open(place) as archive:
        return {member.name.partition("/")[2]: member.size for member in archive if member.isfile()}


def _tree(path: Path) -> dict[str, int]:
    """The same of a tree on the host."""
    found = {
        os.path.relpath(os.path.join(folder, name), path): os.lstat(os.path.join(folder, name)).st_size
        for folder, dummy, names in os.walk(path)
        for name in names
    }
    del found[MARKER]
    return found


def _built_by(host: Host) -> str:
    """The version of Go that a program states which the Go in use has built."""
    source = host.root.parent / "main.go"
    source.write_text('package main\n\nimport "runtime"\n\nfunc main() { print(runtime.Version()) }\n')
    environment = {"PATH": os.defpath, "HOME": str(source.parent), "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    argv = [host.bin_dir / "go", "run", source]
    return subprocess.run(
        argv, env=environment, capture_output=True, text=True, timeout=300, check=True
    ).stderr


def _answer(program: Path) -> str:
    """What a service answers that is started for it, at any port."""
    argv = [program, "-listen", "127.0.0.1:0"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            address = re.search(r" address=(\S+)", process.stderr.readline())
            assert address is not None
            with urllib.request.urlopen(f"http://{address[1]}/healthz", timeout=20):
                pass
            with urllib.request.urlopen(f"http://{address[1]}/", timeout=20) as answer:
                return str(answer.read().decode())
        finally:
            process.kill()


def _hello(path: Path, build: str) -> Path:
    program = path / build
    flags = f"-ldflags=-s -w -X main.version={build}"
    argv = ["go", "build", "-trimpath", "-buildvcs=false", flags, "-o", str(program), "."]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    subprocess.run(argv, cwd=PROJECT / "examples" / "hello", env=environment, check=True)
    return program


def _delta(path: Path, *, old: Path, new: Path) -> str:
    cache = DeltaCache(str(path / "cache"))
    return pack_delta(read_artefact(str(new)), describe_program(str(old)), cache=cache).path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _tell(trials: Trials, name: str, say: Say) -> None:
    say(trials.table(name))
    assert set(trials.hits) & MIDDLE, "no kill hit the middle of a run"
    if trials.count >= MANY:
        assert set(trials.hits) >= {"3 writing", *LATE}
