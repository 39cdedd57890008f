# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure the bytes sent for a new version by delta_copy, rsync and ansible.builtin.copy in turn on one host.

All bytes that the host's network interfaces send and receive are counted, including modules, answers, headers and
acknowledgements. No result is a failure.
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
    """The bytes and the seconds of one method."""

    bytes: int
    seconds: float


class Connection:
    """The connection to the host, with its byte counters."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        hosts = yaml.safe_load(INVENTORY.read_text(encoding="utf-8"))["all"]["children"]["lab"]["hosts"]
        self.address = hosts[HOST]["ansible_host"]
        # Do not share a connection with Ansible, since the first user of a shared connection sets its compression.
        options = f"{hosts[HOST]['ansible_ssh_common_args']} -o ControlMaster=no"
        options = re.sub("ControlPath=[^ ]+", "ControlPath=none", options)
        key, port = hosts[HOST]["ansible_ssh_private_key_file"], hosts[HOST]["ansible_port"]
        self.ssh = f"ssh {options} -i {shlex.quote(key)} -p {port}"

    def on_host(self, script: str) -> str:
        """Run a script on the host as root and return its output."""
        argv = [*shlex.split(self.ssh), f"root@{self.address}", script]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    def ansible(self, module: str, **options: t.Any) -> dict[str, t.Any]:
        """Run one module and return its result."""
        argv = ["ansible", HOST, f"--inventory={INVENTORY}", f"--module-name={module}"]
        argv += [f"--args={json.dumps(options)}", f"--tree={self.directory / 'results'}"]
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_DEPRECATION_WARNINGS": "false",
            "HOME": str(self.directory / "home"),  # so that the cache of deltas is empty
        }
        subprocess.run(argv, env=environment, check=True, stdout=subprocess.DEVNULL)
        result: dict[str, t.Any] = json.loads((self.directory / "results" / HOST).read_bytes())
        return result

    def rsync(self, source: str, dest: str) -> None:
        """Copy a file or a tree to the host with rsync."""
        # Compare by checksum, since the modification times are those of unpacking.
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
        """Return the cost of ``work``, without the bytes that reading the counters takes."""
        self.counters()
        idle = self.counters()
        before = self.counters()
        started = time.monotonic()
        work()
        seconds = time.monotonic() - started
        return Row(self.counters() - before - (before - idle), seconds)

    def counters(self) -> int:
        """Return the number of bytes that the host has sent and received."""
        return sum(map(int, self.on_host(READ_COUNTERS).split()))


def trees(directory: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path, pathlib.Path]:
    """Unpack two releases of Go, and return their directories and that of the archives."""
    argv = [sys.executable, "-m", "lab", "mirror"]
    done = subprocess.run(argv, cwd=CHECKOUT, check=True, capture_output=True, text=True)
    mirror = pathlib.Path(done.stdout.split()[-1])
    for version in (OLD, NEW):
        (directory / version).mkdir()
        archive = mirror / f"go{version}.linux-amd64.tar.gz"
        subprocess.run(["tar", "-C", directory / version, "-xf", archive], check=True)
    return directory / OLD / "go", directory / NEW / "go", mirror


def builds(directory: pathlib.Path) -> list[pathlib.Path]:
    """Build the service of examples/hello, stripped, and again with one more function."""
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


def show(title: str, rows: dict[str, Row], *, whole: int, limit: float, result: dict[str, t.Any]) -> None:
    """Print the bytes and the time of each method, and the size of the delta in the result of delta_copy."""
    print(f"{title}: {whole / MB:.1f} MB")
    for name, row in rows.items():
        suffix = f"  limit <= {limit / MB:.2f} MB" if name == "delta_copy" else ""
        share = row.bytes / whole
        print(
            f"  {name:<44}{row.bytes / MB:8.2f} MB {share:7.2%}  in {row.seconds:5.1f} s{suffix}", flush=True
        )
    print(f"  delta_copy, the delta alone: {result['bytes_sent'] / MB:.3f} MB, {result['methods']}")


def measure_tree(connection: Connection, directory: pathlib.Path) -> None:
    old, new, mirror = trees(directory)
    result: dict[str, t.Any] = {}

    def delta_copy(source: pathlib.Path, dest: str) -> None:
        result.update(connection.ansible("gofleet.hosts.delta_copy", src=str(source), dest=dest))

    archive = mirror / f"go{OLD}.linux-amd64.tar.gz"
    connection.ansible("ansible.builtin.copy", src=str(archive), dest="/opt/go.tar.gz")
    rows = {"delta_copy, first copy": connection.count(lambda: delta_copy(old, "/opt/go"))}
    connection.on_host("cp -a /opt/go /opt/by-rsync")
    rows["delta_copy"] = connection.count(lambda: delta_copy(new, "/opt/go"))
    sent = dict(result)
    rows["delta_copy, unchanged"] = connection.count(lambda: delta_copy(new, "/opt/go"))
    # The cost for the next host of a fleet, for which the delta is already made.
    connection.ansible("gofleet.hosts.delta_copy", src=str(old), dest="/opt/go")
    rows["delta_copy, with the delta in the cache"] = connection.count(lambda: delta_copy(new, "/opt/go"))
    rows["rsync -z --checksum"] = connection.count(lambda: connection.rsync(f"{new}/", "/opt/by-rsync/"))
    archive = mirror / f"go{NEW}.linux-amd64.tar.gz"
    rows["ansible.builtin.copy of the archive"] = connection.count(
        lambda: connection.ansible("ansible.builtin.copy", src=str(archive), dest="/opt/go.tar.gz")
    )
    connection.on_host("diff -r /opt/go /opt/by-rsync")
    show(f"the tree of Go {OLD} to {NEW}", rows, whole=result["bytes_whole"], limit=2.5 * MB, result=sent)


def measure_program(connection: Connection, directory: pathlib.Path) -> None:
    old, new = builds(directory)
    size = new.stat().st_size
    result: dict[str, t.Any] = {}

    def delta_copy(source: pathlib.Path) -> None:
        result.update(connection.ansible("gofleet.hosts.delta_copy", src=str(source), dest="/opt/hello"))

    delta_copy(old)
    ping = connection.count(lambda: connection.ansible("ansible.builtin.ping", data="pong"))
    print(f"a run of ansible.builtin.ping, which changes nothing: {ping.bytes / MB:.2f} MB")
    connection.on_host("cp /opt/hello /opt/hello-by-rsync; cp /opt/hello /opt/hello-by-copy")
    rows = {
        "delta_copy": connection.count(lambda: delta_copy(new)),
        "rsync -z --checksum": connection.count(lambda: connection.rsync(str(new), "/opt/hello-by-rsync")),
        "ansible.builtin.copy": connection.count(
            lambda: connection.ansible("ansible.builtin.copy", src=str(new), dest="/opt/hello-by-copy")
        ),
    }
    connection.on_host("cmp /opt/hello /opt/hello-by-rsync && cmp /opt/hello /opt/hello-by-copy")
    show(
        "a stripped service, rebuilt with one more function",
        rows,
        whole=size,
        limit=size / 100 + 0.2 * MB,
        result=result,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=["vm", "container"], default="container")
    options = parser.parse_args()
    if shutil.which("rsync") is None:
        sys.exit("bench: rsync is not installed here. Run: apt-get install rsync")
    subprocess.run(["tests/build_collection.sh", str(COLLECTIONS)], cwd=CHECKOUT, check=True)
    try:
        lab("up", "--name", NAME, "--kind", options.kind, f"{HOST}=debian-13")
        with tempfile.TemporaryDirectory() as directory:
            (pathlib.Path(directory) / "home").mkdir()
            connection = Connection(pathlib.Path(directory))
            connection.on_host("apt-get install -y -q rsync >/dev/null")
            measure_program(connection, pathlib.Path(directory))
            measure_tree(connection, pathlib.Path(directory))
    finally:
        lab("down", "--name", NAME)


if __name__ == "__main__":
    main()
