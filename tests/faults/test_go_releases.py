# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two adjacent real releases of Go: the memory of an install, and the bytes of the step from one to the other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from .conftest import ARCH, COLLECTIONS, MODULE, Say

OLD, NEW = "1.26.5", "1.26.6"
MEMORY_LIMIT = 64 * 1024  # KiB
WIRE_LIMIT = 2_500_000  # bytes
# What the kernel says of this process alone: getrusage also counts what the one that forked it had.
PEAK = """
import atexit, re, runpy, sys
def told():
    with open("/proc/self/status") as file:
        sys.stderr.write(re.search(r"VmHWM:.*", file.read()).group())
atexit.register(told)
runpy.run_module(sys.argv.pop(), run_name="__main__")
"""


@pytest.fixture(scope="module")
def mirror() -> str:
    if ARCH != "amd64":
        pytest.skip(f"the lab's mirror has releases for amd64, and this is {ARCH}")
    done = subprocess.run([sys.executable, "-m", "lab", "mirror"], capture_output=True, text=True, check=True)
    place = Path(done.stdout.split()[-1])
    if not all((place / f"go{version}.linux-amd64.tar.gz").exists() for version in (OLD, NEW)):
        pytest.skip(f"{place} lacks one of Go {OLD} and {NEW}")
    return f"file://{place}"


def test_little_memory_and_few_bytes(mirror: str, tmp_path: Path, say: Say) -> None:
    pytest.importorskip("bsdiff4")
    options = {"root": str(tmp_path / "go"), "bin_dir": str(tmp_path / "bin"), "mirror": mirror}
    peak = installed_on_the_host(tmp_path, versions=[OLD], **options)
    sent = sent_by_the_controller(tmp_path, versions=[NEW], delivery="controller", **options)
    told = subprocess.run([tmp_path / "bin" / "go", "version"], capture_output=True, text=True, check=True)
    assert f"go{NEW}" in told.stdout
    assert {path.name for path in (tmp_path / "go").iterdir()} == {".lock", OLD, NEW, "current", "previous"}
    builds(tmp_path)
    say(f"Go {OLD} by download: {peak} KiB at the peak; to {NEW} by delta: {sent} bytes")
    assert peak <= MEMORY_LIMIT
    assert sent <= WIRE_LIMIT


def installed_on_the_host(tmp_path: Path, **options: t.Any) -> int:
    """Have the module download and install; returns its peak memory in KiB."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, MODULE],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": options}),
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join([str(COLLECTIONS), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    result = json.loads(done.stdout)
    assert result.get("methods") == {OLD: "download"}, result
    # No temporary tarball: what was written is the tree alone.
    assert list(tmp_path.rglob("*.tar.gz")) == []
    peak = re.search(r"VmHWM:\s+(\d+) kB", done.stderr)
    assert peak is not None, done.stderr
    return int(peak.group(1))


def sent_by_the_controller(tmp_path: Path, **options: t.Any) -> int:
    argv = ["ansible", "localhost", "--connection=local", "--module-name=gofleet.hosts.go_toolchain"]
    argv += [f"--args={json.dumps(options)}", f"--tree={tmp_path / 'results'}"]
    environment = {**os.environ, "ANSIBLE_PYTHON_INTERPRETER": sys.executable, "HOME": str(tmp_path / "home")}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    result = json.loads((tmp_path / "results" / "localhost").read_text(encoding="utf-8"))
    assert result.get("methods") == {NEW: "delta"}, done.stdout + done.stderr
    assert result["bytes_downloaded"] == 0
    return int(result["bytes_sent"])


def builds(tmp_path: Path) -> None:
    program = tmp_path / "hello.go"
    program.write_text('package main\n\nfunc main() { println("hello") }\n', encoding="utf-8")
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    argv = [tmp_path / "bin" / "go", "run", program]
    ran = subprocess.run(argv, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stderr == "hello\n", ran.stderr
