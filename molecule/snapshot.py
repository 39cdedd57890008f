# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of a lab's virtual machines beside the clean one: python3 -m snapshot save|load NAME --lab LAB.

A scenario starts where another one has brought the hosts, and does not bring them there again. ``load`` ends
with 3, and has changed nothing, if a host has no such snapshot.
"""

from __future__ import annotations

import argparse
import re
import sys
from concurrent.futures import ThreadPoolExecutor

from lab import vm
from lab.errors import LabError
from lab.qmp import monitor
from lab.ssh import end_masters, set_clock, wait_for_ssh
from lab.state import Host, Lab, locked, require_lab

NO_SNAPSHOT = 3


def ask(lab: Lab, host: Host, command: str) -> str:
    return monitor(lab.run / f"{host.name}.qmp", command=command, timeout=vm.SNAPSHOT_TIMEOUT)


def tell(lab: Lab, host: Host, command: str) -> None:
    said = ask(lab, host, command).strip()
    if said:
        raise LabError(f"host {host.name}: {command}: {said}")


def has(lab: Lab, host: Host, name: str) -> bool:
    return bool(re.search(rf"^\S+\s+{re.escape(name)}\s", ask(lab, host, "info snapshots"), re.MULTILINE))


def load(lab: Lab, host: Host, name: str) -> None:
    tell(lab, host, f"loadvm {name}")
    wait_for_ssh(lab, host=host, timeout=vm.SNAPSHOT_TIMEOUT, alive=lambda: vm.running(lab, host=host))
    # The guest's clock stands where the snapshot was taken.
    set_clock(lab, host=host, timeout=vm.SCRIPT_TIMEOUT)


def main() -> int:
    parser = argparse.ArgumentParser(prog="snapshot")
    parser.add_argument("verb", choices=["save", "load"])
    parser.add_argument("name")
    parser.add_argument("--lab", required=True)
    options = parser.parse_args()
    with locked(options.lab), ThreadPoolExecutor() as pool:
        lab = require_lab(options.lab)
        if options.verb == "save":
            list(pool.map(lambda host: tell(lab, host, f"savevm {options.name}"), lab.hosts))
            return 0
        if lab.kind != "vm" or not all(pool.map(lambda host: has(lab, host, options.name), lab.hosts)):
            return NO_SNAPSHOT
        end_masters(lab)
        list(pool.map(lambda host: load(lab, host, options.name), lab.hosts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
