# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bytes on the line for a next version: delta_copy, rsync and ansible.builtin.copy, in turn on one host in one run.

What is counted is all that the host's network interface sent and received meanwhile: programs that are sent along,
answers, headers and acknowledgements too. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import typing as t

import yaml

from bench import CHECKOUT, COLLECTIONS, lab

NAME = "bench-delta"
HOST = "bench"
OLD, NEW = "1.26.5", "1.26.6"
MB = 1e6
READ_COUNTERS = "cat /sys/class/net/[!l]*/statistics/[rt]x_bytes"  # of all interfaces but lo
INVENTORY = CHECKOUT / ".lab" / NAME / "inventory.yml"


class Row(t.NamedTuple):
    """What one way cost."""

    bytes: int
    seconds: float


class Line:
    """The way to the host, and what has gone over it."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        hosts = yaml.safe_load(INVENTORY.read_text(encoding="utf-8"))["all"]["children"]["lab"]["hosts"]
        self.address = hosts[HOST]["ansible_host"]
        # Not the connection that Ansible shares: the first user of that one decides whether it compresses.
        options = f"{hosts[HOST]['ansible_ssh_common_args']} -o ControlMaster=no"
        options = re.sub("ControlPath=[^ ]+", "ControlPath=none", options)
        key, port = hosts[HOST]["ansible_ssh_private_key_file"], hosts[HOST]["ansible_port"]
        self.ssh = f"ssh {options} -i {shlex.quote(key)} -p {port}"

    def on_host(self, script: str) -> str:
        argv = [*shlex.split(self.ssh), f"root@{self.address}", script]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    def ansible(self, module: str, **options: t.Any) -> dict[str, t.Any]:
        """Run one module; returns its result."""
        argv = ["ansible", HOST, f"--inventory={INVENTORY}", f"--module-name={module}"]
        argv += [f"--args={json.dumps(options)}", f"--tree={self.directory / 'results'}"]
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_DEPRECATION_WARNINGS": "false",
            "HOME": str(self.directory / "home"),  # a cache of deltas that knows nothing yet
        }
        subprocess.run(argv, env=environment, check=True, stdout=subprocess.DEVNULL)
        result: dict[str, t.Any] = json.loads((self.directory / "results" / HOST).read_bytes())
        return result

    def rsync(self, source: str, dest: str) -> None:
        # By checksum: the times of the two trees are those of their unpacking, and say nothing.
        argv = [
            "rsync",
            "-az",
            "--checksum",
            "--delete",
            "-e",
            self.ssh,
            source,
            f"root@{self.address}:{dest}",
        ]
        subprocess.run(argv, check=True)

    def count(self, work: t.Callable[[], object]) -> Row:
        """What goes over the interface while ``work`` is done, without what it takes to ask."""
        self.counters()
        idle = self.counters()
        before = self.counters()
        started = time.monotonic()
        work()
        seconds = time.monotonic() - started
        return Row(self.counters() - before - (before - idle), seconds)

    def counters(self) -> int:
        return sum(map(int, self.on_host(READ_COUNTERS).split()))


def trees(directory: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path, pathlib.Path]:
    """The two releases of Go, unpacked; and the archives of the mirror."""
    argv = [sys.executable, "-m", "lab", "mirror"]
    done = subprocess.run(argv, cwd=CHECKOUT, check=True, capture_output=True, text=True)
    mirror = pathlib.Path(done.stdout.split()[-1])
    for version in (OLD, NEW):
        (directory / version).mkdir()
        archive = mirror / f"go{version}.linux-amd64.tar.gz"
        subprocess.run(["tar", "-C", directory / version, "-xf", archive], check=True)
    return directory / OLD / "go", directory / NEW / "go", mirror


def builds(directory: pathlib.Path) -> list[pathlib.Path]:
    """The service of examples/hello, stripped, and built again with one function more."""
    sources = directory / "hello"
    shutil.copytree(CHECKOUT / "examples" / "hello", sources)
    main = sources / "main.go"
    programs = []
    for build in ("one", "two"):
        programs.append(directory / f"hello-{build}")
        argv = ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(programs[-1]), "."]
        environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
        subprocess.run(argv, cwd=sources, env=environment, check=True)
        text = main.read_text(encoding="utf-8")
        changed = text.replace("func main() {\n", "func main() {\n\tannounce()\n", 1)
        assert changed != text, "main.go has no main() to change"
        main.write_text(changed + '\nfunc announce() { os.Stderr.WriteString("two\\n") }\n', encoding="utf-8")
    return programs


def show(title: str, rows: dict[str, Row], *, whole: int, hold: float, told: dict[str, t.Any]) -> None:
    print(f"{title}: {whole / MB:.1f} MB")
    for name, row in rows.items():
        limit = f"  hold <= {hold / MB:.2f} MB" if name == "delta_copy" else ""
        share = row.bytes / whole
        print(
            f"  {name:<44}{row.bytes / MB:8.2f} MB {share:7.2%}  in {row.seconds:5.1f} s{limit}", flush=True
        )
    print(f"  of those of delta_copy, the delta itself: {told['bytes_sent'] / MB:.3f} MB, {told['methods']}")


def measure_tree(line: Line, directory: pathlib.Path) -> None:
    old, new, mirror = trees(directory)
    told: dict[str, t.Any] = {}

    def delta_copy(source: pathlib.Path, dest: str) -> None:
        told.update(line.ansible("gofleet.hosts.delta_copy", src=str(source), dest=dest))

    archive = mirror / f"go{OLD}.linux-amd64.tar.gz"
    line.ansible("ansible.builtin.copy", src=str(archive), dest="/opt/go.tar.gz")
    rows = {"delta_copy, where nothing was": line.count(lambda: delta_copy(old, "/opt/go"))}
    line.on_host("cp -a /opt/go /opt/by-rsync")
    rows["delta_copy"] = line.count(lambda: delta_copy(new, "/opt/go"))
    sent = dict(told)
    rows["delta_copy, unchanged"] = line.count(lambda: delta_copy(new, "/opt/go"))
    # What the next host of a fleet takes: the delta is there.
    line.ansible("gofleet.hosts.delta_copy", src=str(old), dest="/opt/go")
    rows["delta_copy, the delta made before"] = line.count(lambda: delta_copy(new, "/opt/go"))
    rows["rsync -z --checksum"] = line.count(lambda: line.rsync(f"{new}/", "/opt/by-rsync/"))
    archive = mirror / f"go{NEW}.linux-amd64.tar.gz"
    rows["ansible.builtin.copy of the archive"] = line.count(
        lambda: line.ansible("ansible.builtin.copy", src=str(archive), dest="/opt/go.tar.gz")
    )
    line.on_host("diff -r /opt/go /opt/by-rsync")
    show(f"the tree of Go {OLD} to {NEW}", rows, whole=told["bytes_whole"], hold=2.5 * MB, told=sent)


def measure_program(line: Line, directory: pathlib.Path) -> None:
    old, new = builds(directory)
    size = new.stat().st_size
    told: dict[str, t.Any] = {}

    def delta_copy(source: pathlib.Path) -> None:
        told.update(line.ansible("gofleet.hosts.delta_copy", src=str(source), dest="/opt/hello"))

    delta_copy(old)
    ping = line.count(lambda: line.ansible("ansible.builtin.ping", data="pong"))
    print(f"a run of Ansible that does nothing, ansible.builtin.ping: {ping.bytes / MB:.2f} MB")
    line.on_host("cp /opt/hello /opt/hello-by-rsync; cp /opt/hello /opt/hello-by-copy")
    rows = {
        "delta_copy": line.count(lambda: delta_copy(new)),
        "rsync -z --checksum": line.count(lambda: line.rsync(str(new), "/opt/hello-by-rsync")),
        "ansible.builtin.copy": line.count(
            lambda: line.ansible("ansible.builtin.copy", src=str(new), dest="/opt/hello-by-copy")
        ),
    }
    line.on_host("cmp /opt/hello /opt/hello-by-rsync && cmp /opt/hello /opt/hello-by-copy")
    show(
        "a stripped service, rebuilt with one function more",
        rows,
        whole=size,
        hold=size / 100 + 0.2 * MB,
        told=told,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=["vm", "container"], default="container")
    options = parser.parse_args()
    if shutil.which("rsync") is None:
        sys.exit("bench: rsync is needed here to compare with: apt-get install rsync")
    subprocess.run(["tests/build_collection.sh", str(COLLECTIONS)], cwd=CHECKOUT, check=True)
    try:
        lab("up", "--name", NAME, "--kind", options.kind, f"{HOST}=debian-13")
        with tempfile.TemporaryDirectory() as directory:
            (pathlib.Path(directory) / "home").mkdir()
            line = Line(pathlib.Path(directory))
            line.on_host("apt-get install -y -q rsync >/dev/null")
            measure_program(line, pathlib.Path(directory))
            measure_tree(line, pathlib.Path(directory))
    finally:
        lab("down", "--name", NAME)


if __name__ == "__main__":
    main()
