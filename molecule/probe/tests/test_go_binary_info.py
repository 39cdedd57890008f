# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Go programs as Go, readelf, the loader and systemd see them on the same host, and every reason not to start, made."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import typing as t

import host_session
import pytest

testinfra_hosts = ["ansible://go_hosts"]

PLACE = "/opt/gofleet-probe-go"
UNIT = "gofleet-probe-go.service"
BUILD = pathlib.Path(__file__).with_name("build_go.py")
# Copies of cgo with some bytes changed, which the loader refuses.
CHANGED = {
    "cgo-glibc": ("GLIBC_2.2.5", "GLIBC_9.2.5"),
    "cgo-library": ("libc.so.6", "libc.so.9"),
    "cgo-musl": ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"),
}
COPY = """
import os, shutil, sys
source, target, old, new = map(os.fsencode, sys.argv[1:])
shutil.copy(source, target)
data = open(source, "rb").read()
open(target, "wb").write(data.replace(old + b"\\0", new.ljust(len(old) + 1, b"\\0")))
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The directory with what the controller's Go built, once for the workers of all hosts."""
    if shutil.which("go") is None:
        pytest.skip("no Go on this controller")
    common = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        common = common.parent
    built = common / "programs"
    with open(common / "programs.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            made = pathlib.Path(tempfile.mkdtemp(dir=common))
            argv = [sys.executable, str(BUILD), str(made)]
            print(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
            made.rename(built)
    return built


@pytest.fixture
def installed(host: t.Any, programs: pathlib.Path, tmp_path: pathlib.Path) -> t.Iterator[str]:
    """The programs on the host."""
    if not host.file(PLACE).exists:
        # Little to send: an emulated host decrypts slowly.
        archive = tmp_path / "programs.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(programs, arcname=".")
        host_session.send(
            host.backend.host, archive, f"mkdir -p {PLACE} && tar -xzf - -C {PLACE} --no-same-owner"
        )
        host.run_test("chmod 0755 %s", PLACE)
        for name, change in CHANGED.items():
            if (programs / "cgo").exists():
                host.run_test(
                    f"python3 -c {shlex.quote(COPY)} %s %s %s %s", f"{PLACE}/cgo", f"{PLACE}/{name}", *change
                )
    return PLACE


@pytest.fixture(scope="module", autouse=True)
def cleaned(host: t.Any) -> t.Iterator[None]:
    yield
    host.run(f"systemctl stop {UNIT}; rm -rf {PLACE}")


FOUND: dict[str, dict[str, dict[str, t.Any]]] = {}


@pytest.fixture
def found(host: t.Any, run_module: t.Any, installed: str) -> dict[str, dict[str, t.Any]]:
    """What the module says of each program, asked once."""
    if host.backend.host not in FOUND:
        result = run_module("go_binary_info", paths=[installed], processes=False)
        assert result.get("passed_over") == [], result
        FOUND[host.backend.host] = {pathlib.Path(one["path"]).name: one for one in result["binaries"]}
    return FOUND[host.backend.host]


def as_go_says(one: dict[str, t.Any]) -> dict[str, t.Any]:
    main = {name.capitalize(): one["main"][name] for name in ("path", "version", "sum") if one["main"][name]}
    return {"GoVersion": one["go_version"], "Path": one["package"], "Main": main, "Settings": one["settings"]}


def test_builds_are_what_go_says(programs: pathlib.Path, found: dict[str, dict[str, t.Any]]) -> None:
    assert {path.name for path in programs.iterdir()} == set(found) - set(CHANGED)
    for name, one in found.items():
        argv = ["go", "version", "-m", "-json", str(programs / name.partition("-")[0])]
        said = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
        # Ansible sorts what it prints, so their order is not compared here.
        said["Settings"] = {setting["Key"]: setting.get("Value", "") for setting in said["Settings"]}
        assert as_go_says(one) == said, name


def test_links_are_what_readelf_says(host: t.Any, found: dict[str, dict[str, t.Any]]) -> None:
    for name, one in found.items():
        text = host.check_output(f"readelf -W -h -l -d -S -V {PLACE}/{name} 2>&1")
        assert one["pie"] == ("Type:                              DYN" in text), name
        assert one["libraries"] == re.findall(r"Shared library: \[(.*?)\]", text), name
        interpreter = re.search(r"program interpreter: (.*?)\]", text)
        assert one["interpreter"] == (interpreter.group(1) if interpreter else None), name
        assert one["stripped"] == (" SYMTAB " not in text), name
        assert one["dwarf"] == (".debug_info" in text), name
        versions = [
            tuple(map(int, found.split("."))) for found in re.findall(r"Name: GLIBC_([\d.]+)  Flags", text)
        ]
        needed = one["glibc"]["needed"]
        assert (tuple(map(int, needed.split("."))) if needed else None) == max(versions, default=None), name


def test_the_glibc_of_the_host(host: t.Any, found: dict[str, dict[str, t.Any]]) -> None:
    version = host.check_output("getconf GNU_LIBC_VERSION").split()[1]
    assert {one["glibc"]["host"] for one in found.values()} == {version}


def test_they_start_where_it_says_so(host: t.Any, found: dict[str, dict[str, t.Any]]) -> None:
    """The kernel, the loader and Go's runtime are asked: each program is started."""
    for name, one in found.items():
        done = host.run(f"{PLACE}/{name}")
        started = done.rc == 0 and done.stdout.startswith("started ")
        print(
            f"{host.backend.host} {name}: {one['starts_here']['reason']} | {done.rc} {done.stderr.strip()[:120]}"
        )
        assert one["starts_here"]["answer"] == ("yes" if started else "no"), (name, one["starts_here"], done)


@pytest.mark.on("deb12")
@pytest.mark.parametrize(
    ("name", "layer", "words"),
    [
        ("cgo-glibc", "glibc", "version `GLIBC_9.2.5' not found"),
        ("cgo-library", "library", "libc.so.9: cannot open shared object file"),
        ("cgo-musl", "loader", "not found"),
        ("arm64", "arch", ""),
        ("s390x", "arch", ""),
    ],
)
def test_the_reason_is_that_of_the_host(
    host: t.Any, found: dict[str, dict[str, t.Any]], name: str, layer: str, words: str
) -> None:
    if name not in found:
        pytest.skip("no gcc on this controller to build with cgo")
    assert (found[name]["starts_here"]["answer"], found[name]["starts_here"]["decided_by"]) == ("no", layer)
    done = host.run(f"sh -c {PLACE}/{name}")
    assert done.rc != 0
    assert words in done.stderr


@pytest.mark.on("deb12")
def test_a_level_above_the_processor(
    host: t.Any, run_module: t.Any, found: dict[str, dict[str, t.Any]]
) -> None:
    level = run_module("go_binary_info", processes=True)["host"]["goamd64"]
    for name in ("v3", "v4"):
        verdict = found[name]["starts_here"]
        assert (verdict["answer"] == "yes") == (name <= level), verdict
        if name > level:
            assert verdict["decided_by"] == "cpu"
            assert f"processors with {name} microarchitecture support" in host.run(f"{PLACE}/{name}").stderr


@pytest.mark.on("deb12")
def test_a_mount_that_runs_nothing(host: t.Any, run_module: t.Any, installed: str) -> None:
    mount = f"{PLACE}-mount"
    host.run_test(
        f"mkdir -p {mount} && mount -t tmpfs -o noexec none {mount} && cp {installed}/static {mount}/"
    )
    try:
        assert host.run(f"{mount}/static").rc == 126
        (one,) = run_module("go_binary_info", paths=[mount], processes=False)["binaries"]
        assert (one["starts_here"]["answer"], one["starts_here"]["decided_by"]) == ("no", "mount")
    finally:
        host.run(f"umount {mount}; rmdir {mount}")


@pytest.mark.on("deb12")
def test_a_file_that_was_cut_short(host: t.Any, run_module: t.Any, installed: str) -> None:
    path = f"{PLACE}/cut"
    host.run_test(f"cp {installed}/static {path} && truncate -s -200K {path}")
    try:
        result = run_module("go_binary_info", paths=[path, f"{PLACE}/none", "/etc/passwd"], processes=False)
        assert "passed_over" in result, result
        reasons = {one["path"]: one["reason"] for one in result["passed_over"]}
        assert [one["starts_here"]["decided_by"] for one in result["binaries"]] == [
            "file"
        ] or path in reasons, result
        assert reasons["/etc/passwd"] == "it is not an ELF file"
        assert reasons[f"{PLACE}/none"] == "No such file or directory"
    finally:
        host.run(f"rm {path}")


PROPERTIES = {
    "User": "daemon",
    "LimitNOFILE": "4096:8192",
    "MemoryMax": "64M",
    "CPUQuota": "150%",
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "CAP_NET_BIND_SERVICE",
    "AmbientCapabilities": "CAP_NET_BIND_SERVICE",
    "SystemCallFilter": "@system-service",
    "Environment": "GOMEMLIMIT=60MiB",
}


@contextlib.contextmanager
def running(host: t.Any, program: str) -> t.Iterator[int]:
    """The program in a sandbox, and the number of its process."""
    properties = " ".join(f"-p {name}={value}" for name, value in PROPERTIES.items())
    host.run_test(f"systemd-run --quiet --collect --unit={UNIT} {properties} {program} sleep")
    try:
        yield int(host.check_output(f"systemctl show -P MainPID {UNIT}"))
    finally:
        host.run(f"systemctl stop {UNIT}")


def of_process(result: dict[str, t.Any], pid: int) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    rows = [
        (one, process) for one in result["binaries"] for process in one["processes"] if process["pid"] == pid
    ]
    assert len(rows) == 1, result
    return rows[0]


@pytest.mark.on("deb12")
def test_a_process_and_its_sandbox(host: t.Any, run_module: t.Any, installed: str) -> None:
    path = f"{PLACE}/running"
    host.run_test(f"cp {installed}/static {path}")
    try:
        with running(host, path) as pid:
            one, process = of_process(run_module("go_binary_info"), pid)
            assert (one["path"], one["on_disk"]) == (path, True)
            assert one["starts_here"]["decided_by"] == "process"
            assert (process["unit"], process["uid"]) == (UNIT, int(host.check_output("id -u daemon")))
            # Go raises its own soft limit, to one less than the hard one
            assert process["limits"]["nofile"] == {"soft": 8191, "hard": 8192}
            if host.file("/sys/fs/cgroup/cgroup.controllers").exists:
                assert process["cgroup"]["memory_max"] == 64 << 20
                assert process["cgroup"]["cpu_max"]["cpus"] == 1.5
            else:
                print(
                    f"{host.backend.host} has its controllers with cgroup v1: limits of the group are not read"
                )
            assert (process["no_new_privs"], process["seccomp"]) == (True, 2)
            assert int(process["capabilities"], 16) == 1 << 10
            assert process["environment_go"] == {"GOMEMLIMIT": "60MiB"}
            assert (process["deleted"], process["other_root"]) == (False, False)
            # The build is replaced, as a careless deployment does it, and the process goes on.
            host.run_test(f"cp {installed}/two {path}.new && mv {path}.new {path}")
            result = run_module("go_binary_info", paths=[path])
            old, process = of_process(result, pid)
            assert (old["path"], old["on_disk"], process["deleted"]) == (path, False, True)
            (new,) = [one for one in result["binaries"] if one["on_disk"] and one["path"] == path]
            assert (new["processes"], new["build_id"] != old["build_id"]) == ([], True)
    finally:
        host.run(f"rm -f {path} {path}.new")


def test_the_service_that_the_collection_runs(hello: t.Any, run_module: t.Any) -> None:
    result = run_module("go_binary_info", paths=["/opt/gofleet/hello/current"])
    one, process = of_process(result, hello.pid())
    assert one["main"]["path"] == "example.com/hello"
    assert any(path.startswith("/opt/gofleet/hello/") for path in one["paths"])
    assert (process["unit"], process["uid"]) == ("hello.service", hello.uid())
    assert process["apparmor"] == hello.label().strip("\0\n ")
    assert (process["no_new_privs"], process["seccomp"]) == (True, 2)


@pytest.mark.on("deb12")
def test_the_unprivileged_are_told_what_they_do_not_see(host: t.Any, installed: str) -> None:
    with running(host, f"{installed}/static"):
        result = host.ansible(
            "gofleet.hosts.go_binary_info",
            '{"processes": true}',
            check=False,
            become=True,
            become_user="nobody",
            # nobody has no shell of its own, and hosts need no sudo
            extra_vars={"ansible_become_method": "su", "ansible_become_flags": "-s /bin/sh"},
        )
    assert "passed_over" in result, result
    hidden = [one for one in result["passed_over"] if one["path"] == "/proc"]
    assert [int(one["reason"].rpartition(" ")[2]) > 1 for one in hidden] == [True], result


@pytest.mark.on("deb12")
def test_a_whole_system_is_searched_and_nothing_fails(host: t.Any, run_module: t.Any, found: t.Any) -> None:
    result = run_module("go_binary_info", paths=["/usr", "/opt", "/etc"], processes=False, dependencies=False)
    assert "counts" in result, result
    assert result["counts"]["elf"] > 100
    assert len([one for one in result["binaries"] if one["path"].startswith(f"{PLACE}/")]) == len(found)
    print(f"{host.backend.host}: {result['counts']}, passed over: {result['passed_over']}")
