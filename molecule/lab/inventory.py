"""The Ansible inventory of a lab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .keys import KEY_NAME
from .ssh import common_args, quoted
from .state import Host, Lab


def inventory(lab: Lab) -> dict[str, Any]:
    """Return the inventory as data: the group ``lab`` with every host, and the Go mirror for all."""
    return {
        "all": {
            "vars": {"lab_go_mirror": lab.mirror},
            "children": {"lab": {"hosts": {host.name: _host(lab, host=host) for host in lab.hosts}}},
        }
    }


def _host(lab: Lab, *, host: Host) -> dict[str, Any]:
    return {
        "ansible_host": host.ssh_address,
        "ansible_port": host.ssh_port,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(lab.folder / KEY_NAME),
        "ansible_ssh_common_args": quoted(common_args(lab)),
        "ansible_python_interpreter": "/usr/bin/python3",
        "lab_address": host.address,
        "lab_image": host.image,
        "lab_kind": host.kind,
    }


def write_inventory(lab: Lab) -> Path:
    """Write ``inventory.yml`` into the lab's folder and return its path."""
    path = lab.folder / "inventory.yml"
    path.write_text("---\n" + yaml.safe_dump(inventory(lab), sort_keys=False, width=1000))
    return path
