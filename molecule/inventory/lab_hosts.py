#!/usr/bin/env python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of the lab that LAB_NAME names, as an Ansible inventory; none while the lab is down."""

from __future__ import annotations

import json
import os
import pathlib

import yaml

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


def main() -> None:
    labs = pathlib.Path(os.environ.get("LAB_STATE", CHECKOUT / ".lab"))
    written = labs / os.environ.get("LAB_NAME", "molecule") / "inventory.yml"
    inventory = yaml.safe_load(written.read_text(encoding="utf-8")) if written.exists() else {}
    everyone = inventory.get("all", {})
    hosts = everyone.get("children", {}).get("lab", {}).get("hosts", {})
    answer = {
        "_meta": {"hostvars": hosts},
        "all": {"vars": everyone.get("vars", {})},
        "lab": {"hosts": sorted(hosts)},
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
