"""How QEMU should run a guest here: with KVM where it works, else by translation (TCG)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

KVM = Path("/dev/kvm")
VIRTUALISATION_FLAGS = {"vmx", "svm"}


@dataclass(frozen=True)
class Accelerator:
    """Values of QEMU's -accel and -cpu, and what the guest's kernel should know of them."""

    accel: str
    cpu: str
    cmdline: str


def accelerator(*, cpuinfo: str, kvm: Path) -> Accelerator:
    """Choose from the text of /proc/cpuinfo and the path of the KVM device.

    The device alone proves nothing: it can be another group's, and in a guest without nested virtualisation useless.
    """
    flags = {
        flag
        for line in cpuinfo.splitlines()
        if line.startswith("flags")
        for flag in line.partition(":")[2].split()
    }
    if not closed_to_us(kvm) and kvm.exists() and flags & VIRTUALISATION_FLAGS:
        return Accelerator(accel="kvm", cpu="host", cmdline="")
    # Nehalem is x86-64-v2, the least that current distributions and GOAMD64=v2 ask for; more is only slower here.
    # A translator does not speculate, so nothing is mitigated; switching page tables at each system call, though, costs
    # it the better part of its time.
    return Accelerator(accel="tcg,thread=multi", cpu="Nehalem", cmdline=" mitigations=off")


def closed_to_us(kvm: Path = KVM) -> bool:
    """Tell whether the KVM device is there, but not for this user."""
    return kvm.exists() and not os.access(kvm, os.R_OK | os.W_OK)


def local_accelerator() -> Accelerator:
    """Choose for this machine."""
    return accelerator(cpuinfo=Path("/proc/cpuinfo").read_text(), kvm=KVM)
