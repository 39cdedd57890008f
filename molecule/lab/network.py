"""The private network between VM hosts: a switch in user space, which needs no root and no interface here."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from .command import run
from .state import Lab

VM_SUBNET = "10.77.0.0/24"
FIRST_HOST = 11


def address(subnet: str, *, index: int) -> str:
    """Return the address of the host number ``index`` (from 0) in ``subnet``."""
    return str(ipaddress.ip_network(subnet)[FIRST_HOST + index])


def mac(*, interface: int, index: int) -> str:
    """Return a locally administered hardware address for an interface of the host number ``index``."""
    return f"52:54:00:67:{interface:02x}:{FIRST_HOST + index:02x}"


def switch_socket(lab: Lab) -> Path:
    """Return the path VMs connect to."""
    return lab.run / "switch"


def start_switch(lab: Lab) -> None:
    """Start the lab's switch as a daemon; LabError with its output if it can't."""
    run(
        [
            "vde_switch",
            "-s",
            str(switch_socket(lab)),
            "-p",
            str(lab.folder / "switch.pid"),
            "-m",
            "0600",
            "-d",
        ],
        wanted=f"private network of lab {lab.name}",
        timeout=30,
    )
    lab.subnet = VM_SUBNET
