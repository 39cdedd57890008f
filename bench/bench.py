# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure the ratios that we publish, each of two actions done in turn on the same host in the same run.

The speed of a machine changes from run to run, so times cannot be compared, but ratios can. No result is a failure.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
COLLECTIONS = CHECKOUT / ".build" / "collections"
INVENTORY = CHECKOUT / ".lab" / "bench" / "inventory.yml"
GO_VERSION = "1.26.6"
GROUPS = """\
all:
  children:
    go_hosts: {hosts: {bench: {}}}
    prometheus: {hosts: {bench: {}}}
"""
PING = """\
- hosts: go_hosts
  gather_facts: false
  become: true
  tasks:
    - ansible.builtin.ping:
"""
# The usual way to install the same file from the same mirror. Caches are dropped, as for our own install.
CURL = (
    "set -o pipefail; rm -rf /opt/by-hand && mkdir /opt/by-hand && "
    "curl -fsS {mirror}/go{version}.linux-amd64.tar.gz | tar -xzf - -C /opt/by-hand && sync"
)
PING_MODULE = "ansible.builtin.ping"
# Ansible's own facts first, for comparison.
PROBES = [
    ("ansible.builtin.setup", ""),
    ("gofleet.hosts.kernel_info", ""),
    ("gofleet.hosts.io_uring_info", ""),
    ("gofleet.hosts.ebpf_info", ""),
    ("gofleet.hosts.ebpf_inventory_info", ""),
    ("gofleet.hosts.go_binary_info", "paths=/usr/local,/opt"),
    ("gofleet.hosts.kernel_symbol_info", '{"symbols": [{"name": "tcp_sendmsg"}, {"name": "vfs_read"}]}'),
]
# Runs a program and writes down the peak memory of it or of one of its child processes (ru_maxrss, KiB).
PEAK_FILE = "/run/bench-peak"
PEAK = f"""\
#!/usr/bin/python3
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:] if sys.argv[0].endswith("-any") else ["/usr/bin/python3", *sys.argv[1:]]).returncode
with open("{PEAK_FILE}", "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""
PEAK_PYTHON, PEAK_ANY = "/usr/local/bin/peak-python3", "/usr/local/bin/peak-any"
# A container may not drop the caches of its machine. Then both installs run with caches.
REMOVE_GO = (
    "rm -rf /usr/local/lib/go /usr/local/bin/go /usr/local/bin/gofmt /opt/by-hand; sync; "
    "(echo 3 > /proc/sys/vm/drop_caches) 2>/dev/null || true"
)


class Bench:
    """The host of the bench, and a directory for the files that the runs need."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        (directory / "groups.yml").write_text(GROUPS, encoding="utf-8")
        (directory / "ping.yml").write_text(PING, encoding="utf-8")
        variables = CHECKOUT / "examples" / "demo" / "inventory" / "group_vars"
        (directory / "group_vars").symlink_to(variables)

    def ansible(self, *argv: str, program: str = "ansible-playbook") -> float:
        """Run Ansible on the host and return the wall time in seconds."""
        started = time.monotonic()
        command = [program, f"--inventory={INVENTORY}", f"--inventory={self.directory / 'groups.yml'}", *argv]
        command.append(f"--extra-vars={json.dumps({'hello_sources': str(CHECKOUT / 'examples' / 'hello')})}")
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_INJECT_FACT_VARS": "false",
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"bench: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return time.monotonic() - started

    def on_host(self, script: str) -> float:
        """Run a Bash script on the host as root and return the wall time in seconds."""
        return self.ansible(
            "go_hosts", "--become", "-m", "shell", "-a", f"executable=/bin/bash {script}", program="ansible"
        )

    def peak(self) -> float:
        """Return the peak memory of the last program that ran under PEAK, in MiB."""
        target = self.directory / "peak"
        self.module("ansible.builtin.fetch", f"src={PEAK_FILE} dest={target} flat=true")
        return int(target.read_text(encoding="ascii")) / 1024

    def module(self, name: str, arguments: str, *more: str) -> float:
        """Run one module on the host and return the wall time in seconds."""
        return self.ansible("go_hosts", "--become", "-m", name, "-a", arguments, *more, program="ansible")


def lab(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "lab", *arguments], cwd=CHECKOUT, check=True)


def ratio(
    title: str, *, ours: t.Callable[[], float], peer: t.Callable[[], float], runs: int, limit: str
) -> None:
    """Run both in turn, and print the median, minimum and maximum of the ratios of the pairs."""
    pairs = [(ours(), peer()) for dummy in range(runs)]
    ratios = [one / other for one, other in pairs]
    medians = [statistics.median(column) for column in zip(*pairs, strict=True)]
    print(
        f"{title:<52}{statistics.median(ratios):6.2f}  ({min(ratios):.2f} to {max(ratios):.2f}, {runs} pairs;"
        f" medians {medians[0]:.1f} s and {medians[1]:.1f} s)  limit {limit}",
        flush=True,
    )


def measure(bench: Bench, *, runs: int) -> None:
    bench.ansible("gofleet.hosts.site")
    bench.ansible("gofleet.hosts.site")
    print("Ratios of ours to the peer. Less is better.")
    ratio(
        "unchanged site.yml / a play of one ping",
        ours=lambda: bench.ansible("gofleet.hosts.site"),
        peer=lambda: bench.ansible(str(bench.directory / "ping.yml")),
        runs=runs,
        limit="<= 8",
    )
    measure_install(bench, runs=runs)


def measure_install(bench: Bench, *, runs: int) -> None:
    bench.on_host("apt-get install -y -q curl >/dev/null")
    install = f"versions={GO_VERSION} mirror={{{{ lab_go_mirror }}}}"

    curl = CURL.format(mirror="{{ lab_go_mirror }}", version=GO_VERSION)

    def ours() -> float:
        bench.on_host(REMOVE_GO)
        return bench.module("gofleet.hosts.go_toolchain", install)

    def peer() -> float:
        bench.on_host(REMOVE_GO)
        return bench.on_host(curl)

    ratio(
        "first install of Go / curl | tar -xz of the same file",
        ours=ours,
        peer=peer,
        runs=runs,
        limit="<= 1.2",
    )
    measure_memory(bench, install=install, curl=curl)


def measure_memory(bench: Bench, *, install: str, curl: str) -> None:
    """Measure the peak memory of both installs in runs of their own, since measuring takes time."""
    for path in (PEAK_PYTHON, PEAK_ANY):
        bench.module("ansible.builtin.copy", json.dumps({"content": PEAK, "dest": path, "mode": "0755"}))
    bench.on_host(REMOVE_GO)
    # Variables of the command line override those of the inventory.
    bench.module(
        "gofleet.hosts.go_toolchain", install, f"--extra-vars=ansible_python_interpreter={PEAK_PYTHON}"
    )
    ours = bench.peak()
    bench.on_host(REMOVE_GO)
    bench.on_host(f"{PEAK_ANY} /bin/bash -c {shlex.quote(curl)}")
    print(
        f"peak memory of the install: ours {ours:.0f} MiB, limit <= 64 MiB; curl | tar {bench.peak():.0f} MiB",
        flush=True,
    )


def measure_probes(bench: Bench, *, runs: int) -> None:
    """Measure the time of each probe beyond the connection, and that of Ansible's own facts for comparison."""
    bench.module(PROBES[0][0], "")
    rounds = [
        [(bench.module(PING_MODULE, ""), bench.module(name, arguments)) for name, arguments in PROBES]
        for dummy in range(runs)
    ]
    print("Ratios of each probe to a ping just before it. Less is better.")
    for (name, arguments), pairs in zip(PROBES, zip(*rounds, strict=True), strict=True):
        ratios = [probe / ping for ping, probe in pairs]
        beyond = statistics.median(probe - ping for ping, probe in pairs)
        limit = "  limit <= 1.5" if name.endswith(".kernel_info") else ""
        print(
            f"{name.rpartition('.')[2]} {arguments}".ljust(52)
            + f"{statistics.median(ratios):6.2f}  ({min(ratios):.2f} to {max(ratios):.2f}, {runs} pairs;"
            f" {beyond:+.2f} s more than the ping){limit}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="number of pairs for each ratio")
    parser.add_argument("--kind", choices=["vm", "container"], default="vm")
    parser.add_argument("--probes", action="store_true", help="measure only the probes")
    parser.add_argument("--install", action="store_true", help="measure only the first install of Go")
    options = parser.parse_args()
    subprocess.run(["tests/build_collection.sh", str(COLLECTIONS)], cwd=CHECKOUT, check=True)
    try:
        lab("up", "--name", "bench", "--kind", options.kind, "bench=debian-13")
        with tempfile.TemporaryDirectory() as directory:
            bench = Bench(pathlib.Path(directory))
            if options.install:
                measure_install(bench, runs=options.runs)
                return
            if not options.probes:
                measure(bench, runs=options.runs)
            measure_probes(bench, runs=options.runs)
    finally:
        lab("down", "--name", "bench")


if __name__ == "__main__":
    main()
