# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import os
import pathlib
import platform
import shutil
import subprocess
import time
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary.binary import Reading, read_go_binary
from ansible_collections.gofleet.hosts.plugins.module_utils._go_binary.start import read_target
from ansible_collections.gofleet.hosts.plugins.module_utils._go_toolchain.support import NewestGo
from ansible_collections.gofleet.hosts.plugins.module_utils._kernel.cpu import read_flags

from .go_programs import VARIANTS, build

needs_go = pytest.mark.skipif(
    shutil.which("go") is None or platform.machine() != "x86_64",
    reason="no Go, or not the machine it builds for",
)


def reading(**changes: t.Any) -> Reading:
    target = read_target("/", machine="x86_64", flags=read_flags("/"))
    plain = Reading(target, NewestGo(27, True), datetime.date(2026, 11, 22), 1 << 28, True, False)
    return plain._replace(**changes)


def go_version(path: str) -> dict[str, t.Any] | None:
    """What Go itself says of a program; None where it says that it is none."""
    argv = ["go", "version", "-m", "-json", path]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else None


def as_go_says(found: dict[str, t.Any]) -> dict[str, t.Any]:
    """Our return value with Go's names, and without what is empty, as Go leaves that out."""

    def module(of: dict[str, t.Any] | None) -> dict[str, t.Any]:
        named = {name.capitalize(): of[name] for name in ("path", "version", "sum")} if of else {}
        replace = module(of["replace"]) if of and of["replace"] else None
        return {key: value for key, value in {**named, "Replace": replace}.items() if value}

    settings = [
        {"Key": key, **({"Value": value} if value else {})} for key, value in found["settings"].items()
    ]
    said = {
        "GoVersion": found["go_version"],
        "Path": found["package"],
        "Deps": [module(dep) for dep in found["deps"]],
        "Settings": settings,
    }
    return {**{key: value for key, value in said.items() if value}, "Main": module(found["main"])}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> t.Callable[[str], str]:
    directory = tmp_path_factory.mktemp("programs")
    built: dict[str, str] = {}

    def program(name: str) -> str:
        if name not in built:
            if VARIANTS[name].cgo and shutil.which("gcc") is None:
                pytest.skip("no gcc on this machine to build with cgo")
            if name == "vcs" and shutil.which("git") is None:
                pytest.skip("no git on this machine to build from a repository")
            built[name] = build(name, directory)
        return built[name]

    return program


@needs_go
@pytest.mark.parametrize("name", VARIANTS)
def test_agrees_with_go_version(programs: t.Callable[[str], str], name: str) -> None:
    path = programs(name)
    found = read_go_binary(path, reading=reading())
    assert found is not None
    assert as_go_says(found) == go_version(path)
    assert found["deps"][0]["replace"]["path"] == "./local"
    facts = {
        **found,
        "glibc_needed": found["glibc"]["needed"],
        "vcs": found["settings"].get("vcs"),
        "starts": (found["starts_here"]["answer"], found["starts_here"]["decided_by"]),
    }
    wanted = dict(VARIANTS[name].facts)
    assert {key: facts[key] for key in wanted} == wanted


@needs_go
@pytest.mark.parametrize("name", VARIANTS)
def test_the_verdict_agrees_with_a_start(programs: t.Callable[[str], str], name: str) -> None:
    """The host itself is asked: the program is started."""
    path = programs(name)
    found = read_go_binary(path, reading=reading())
    assert found is not None
    try:
        done = subprocess.run([path], capture_output=True, text=True, timeout=30, check=False)
        started = done.returncode == 0 and done.stdout.endswith("local\n")
    except OSError:
        started = False
    assert found["starts_here"]["answer"] == ("yes" if started else "no"), found["starts_here"]


@needs_go
@pytest.mark.parametrize(
    ("change", "layer", "words"),
    [
        ((b"GLIBC_2.2.5\0", b"GLIBC_9.2.5\0"), "glibc", "version `GLIBC_9.2.5' not found"),
        ((b"libc.so.6\0", b"libc.so.9\0"), "library", "libc.so.9: cannot open shared object file"),
        ((b"/lib64/ld-linux-x86-64.so.2\0", b"/lib64/ld-linux-x86-64.so.9\0"), "loader", ""),
    ],
)
def test_agrees_with_the_loader(
    programs: t.Callable[[str], str],
    tmp_path: pathlib.Path,
    change: tuple[bytes, bytes],
    layer: str,
    words: str,
) -> None:
    path = tmp_path / "program"
    data = pathlib.Path(programs("cgo")).read_bytes()
    assert change[0] in data
    path.write_bytes(data.replace(*change))
    path.chmod(0o755)
    found = read_go_binary(str(path), reading=reading())
    assert found is not None
    assert (found["starts_here"]["answer"], found["starts_here"]["decided_by"]) == ("no", layer)
    try:
        said = subprocess.run([str(path)], capture_output=True, text=True, check=False)
        assert words
        assert words in said.stderr
    except FileNotFoundError:
        assert words == ""


@needs_go
def test_go_itself_and_its_tools() -> None:
    environment = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True)
    root = pathlib.Path(environment.stdout.strip())
    tested = 0
    for path in [*(root / "bin").iterdir(), *(root / "pkg/tool").rglob("*")]:
        if path.is_file():
            found = read_go_binary(str(path), reading=reading())
            assert found is not None
            assert as_go_says(found) == go_version(str(path))
            tested += 1
    assert tested > 1


@needs_go
def test_go_117_with_pointers_to_its_texts(tmp_path: pathlib.Path) -> None:
    environment = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True)
    samples = pathlib.Path(environment.stdout.strip()) / "src/debug/buildinfo/testdata"
    if not samples.is_dir():
        pytest.skip(f"this Go came without its samples ({samples})")
    for name, is_go in (("go117", True), ("notgo", False)):
        path = tmp_path / name
        path.write_bytes(base64.b64decode((samples / name / f"{name}.base64").read_text()))
        found = read_go_binary(str(path), reading=reading())
        assert (found is not None) == is_go
        if found is not None:
            assert as_go_says(found) == go_version(str(path))
            assert (found["go_version"], found["supported"], found["goamd64"]) == ("go1.17", "no", "v1")
            assert (found["goos"], found["goarch"], found["cgo"]) == (None, "amd64", None)


@needs_go
def test_build_ids_agree_with_the_tools(programs: t.Callable[[str], str]) -> None:
    path = programs("static")
    found = read_go_binary(path, reading=reading())
    assert found is not None
    said = subprocess.run(["go", "tool", "buildid", path], capture_output=True, text=True, check=True)
    assert found["build_id"] == said.stdout.strip()


@needs_go
def test_the_file_itself(programs: t.Callable[[str], str]) -> None:
    path = programs("static")
    os.chmod(path, 0o755)
    data = pathlib.Path(path).read_bytes()
    found = read_go_binary(path, reading=reading(checksum=True, dependencies=False))
    assert found is not None
    assert (found["size"], found["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert (found["deps"], found["deps_count"]) == ([], 1)
    assert (found["mode"], found["uid"], found["gid"]) == ("0755", os.geteuid(), os.getegid())
    assert found["modified"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(os.stat(path).st_mtime))
    small = read_go_binary(path, reading=reading(checksum=True, max_bytes=1000))
    assert small is not None
    assert small["sha256"] is None


@needs_go
def test_the_same_result_without_sections(programs: t.Callable[[str], str], tmp_path: pathlib.Path) -> None:
    data = bytearray(pathlib.Path(programs("static")).read_bytes())
    data[40:48], data[58:64] = bytes(8), bytes(6)  # e_shoff, e_shentsize, e_shnum, e_shstrndx
    path = tmp_path / "program"
    path.write_bytes(data)
    path.chmod(0o755)
    whole, found = (read_go_binary(one, reading=reading()) for one in (programs("static"), str(path)))
    assert whole is not None
    assert found is not None
    same = ("go_version", "main", "deps", "settings", "build_id", "starts_here", "static", "pie")
    assert {key: found[key] for key in same} == {key: whole[key] for key in same}
    assert (found["stripped"], found["dwarf"]) == (True, False)
