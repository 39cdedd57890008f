# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generated AppArmor profiles, enforced by a real kernel: a program with cgo that uses all it may, and a builder."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import typing as t

import pytest

from .test_go_service import SOURCES, provision

testinfra_hosts = ["ansible://go_hosts"]

CGO = 'package main\n\n// #include <stdlib.h>\nimport "C"\n\nfunc init() { C.free(nil) }\n'
GO = "1.26.6"
ASK = (
    "import http.client as h, socket as s; c = h.HTTPConnection('x'); c.sock = s.socket(s.AF_UNIX);"
    " c.sock.connect('/run/rich/ops.sock');"
    " c.request('GET', '/private', headers={'Authorization': 'Bearer s3same'}); print(c.getresponse().status)"
)
DENIED = 'dmesg | grep \'apparmor="DENIED".*profile="gofleet.%s"\' || true'


def with_cgo(place: pathlib.Path) -> str:
    """The program hello with the C library in it."""
    sources = shutil.copytree(SOURCES, place / "sources")
    (sources / "cgo.go").write_text(CGO)
    environment = {**os.environ, "CGO_ENABLED": "1"}
    subprocess.run(
        ["go", "build", "-ldflags=-s -w", "-o", str(place / "rich"), "."],
        cwd=sources,
        env=environment,
        check=True,
    )
    return str(place / "rich")


def rich(program: str) -> dict[str, t.Any]:
    return {
        "name": "rich",
        "artefact": {"file": program},
        "sockets": [{"name": "ops", "listen": "/run/rich/ops.sock"}],
        "credentials": [{"name": "token", "content": "s3same"}],
        "config_files": [{"path": "etc/rich.env", "content": "A=1\n"}],
        "arguments": ["-token", "token"],
        "hooks": {"warm_up": ["rich", "-version"]},
        "fd_store": 1,
        "diagnostics": {"profiles": True},
        "health": {"timeout": 120},
    }


# Where glibc is the older one: a program that starts there starts on both.
@pytest.mark.on("deb12")
@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler on this controller")
def test_a_dynamic_program_works_within_its_profile(host: t.Any, tmp_path: pathlib.Path) -> None:
    service = rich(with_cgo(tmp_path))
    done = provision(host, service)
    assert done.returncode == 0, done.stdout
    pid = host.check_output("systemctl show -P MainPID rich.service")
    assert host.check_output("cat /proc/%s/attr/apparmor/current", pid) == "gofleet.rich (enforce)"
    assert "libc.so.6" in host.check_output("cat /proc/%s/maps", pid)
    assert host.check_output("python3 -c %s", ASK) == "200"
    host.run_test("systemd-analyze security --no-pager --threshold=15 rich.service")
    assert host.check_output(DENIED % "rich") == ""
    done = provision(host, {"name": "rich", "state": "absent"})
    assert done.returncode == 0, done.stdout
    loaded = host.check_output("cat /sys/kernel/security/apparmor/profiles")
    assert "gofleet.rich" not in loaded
    assert "gofleet.hello (enforce)" in loaded
    assert not host.file("/opt/gofleet/rich").exists


@pytest.mark.on("deb13")
def test_a_builder_compiles_within_its_profile(host: t.Any, run_module: t.Any) -> None:
    mirror = host.ansible.get_variables()["lab_go_mirror"]
    installed = run_module("go_toolchain", versions=[GO], mirror=mirror)
    assert not installed.get("failed"), installed
    # A package that imports nothing: what is to be seen is the compiler in its sandbox, not the time it takes.
    host.run_test(
        "mkdir -p /srv/module && cd /srv/module && echo 'module m' > go.mod && echo 'package m' > m.go"
    )
    go = f"/usr/local/lib/go/{GO}/bin/go"
    compiler = {
        "name": "compile",
        "artefact": {"installed": go},
        "arguments": ["build", "-C", "/srv/module", "-o", "/var/cache/compile/m.a", "."],
        "timer": {"on_calendar": ["2099-01-01"]},
        "sandbox": {"profile": "builder", "read_paths": ["/srv/module"]},
    }
    done = provision(host, compiler)
    assert done.returncode == 0, done.stdout
    started = host.run("systemctl start compile.service")
    journal = host.check_output("journalctl --no-pager -o cat -u compile.service")
    assert started.rc == 0, journal + host.check_output(DENIED % "compile")
    assert host.file("/var/cache/private/compile/m.a").size > 0
    assert host.check_output("systemctl show -P AppArmorProfile compile.service") == "gofleet.compile"
    assert host.check_output(DENIED % "compile") == ""
