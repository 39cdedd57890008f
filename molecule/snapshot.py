# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of a lab's virtual machines beside the clean one: python3 -m snapshot save|load NAME --lab LAB.

A scenario starts where another one has brought the hosts, and does not bring them there again. ``load`` ends
with 3, and has changed nothing, if a host has no such snapshot.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor

from lab import vm
from lab.ssh import end_masters
from lab.state import locked, require_lab

NO_SNAPSHOT = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="snapshot")
    parser.add_argument("verb", choices=["save", "load"])
    parser.add_argument("name")
    parser.add_argument("--lab", required=True)
    options = parser.parse_args()
    with locked(options.lab), ThreadPoolExecutor() as pool:
        lab = require_lab(options.lab)
        if options.verb == "save":
            list(pool.map(lambda host: vm.save(lab, host=host, snapshot=options.name), lab.hosts))
            return 0
        if lab.kind != "vm" or not all(
            pool.map(lambda host: vm.has(lab, host=host, snapshot=options.name), lab.hosts)
        ):
            return NO_SNAPSHOT
        end_masters(lab)
        list(pool.map(lambda host: vm.reset(lab, host=host, snapshot=options.name), lab.hosts))
    return 0


if __name__ == "__main__":
    sys.exit(main())
