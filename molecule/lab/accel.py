"""How QEMU should run a guest here: with KVM where it works, else by translation (TCG)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

KVM = Path("/dev/kvm")
CPUINFO = Path("/proc/cpuinfo")
VIRTUALISATION_FLAGS = {"vmx", "svm"}


@dataclass(frozen=True)
class Accelerator:
    """Values of QEMU's -accel and -cpu, and what the guest's kernel should know of them."""

    accel: str
    cpu: str
    cmdline: str


def accelerator(*, cpuinfo: str, kvm: Path) -> Accelerator:
    """Choose from the text of /proc/cpuinfo and the path of the KVM device.

    The device alone proves nothing: in a guest without nested virtualisation it can exist and be useless.
    """
    if _useful(kvm, cpuinfo=cpuinfo) and not _closed(kvm):
        return Accelerator(accel="kvm", cpu="host", cmdline="")
    # Nehalem is x86-64-v2, the least that current distributions and GOAMD64=v2 ask for; more is only slower here.
    # A translator does not speculate, so nothing is mitigated; switching page tables at each system call, though, costs
    # it the better part of its time.
    return Accelerator(accel="tcg,thread=multi", cpu="Nehalem", cmdline=" mitigations=off")


def closed_to_us(*, cpuinfo: str, kvm: Path) -> bool:
    """Tell whether KVM would work for another user."""
    return _useful(kvm, cpuinfo=cpuinfo) and _closed(kvm)


def _useful(kvm: Path, *, cpuinfo: str) -> bool:
    flags = {
        flag
        for line in cpuinfo.splitlines()
        if line.startswith("flags")
        for flag in line.partition(":")[2].split()
    }
    return kvm.exists() and bool(flags & VIRTUALISATION_FLAGS)


def _closed(kvm: Path) -> bool:
    return not os.access(kvm, os.R_OK | os.W_OK)


def local_accelerator() -> Accelerator:
    """Choose for this machine."""
    return accelerator(cpuinfo=CPUINFO.read_text(), kvm=KVM)


def kvm_is_closed() -> bool:
    """Tell whether this machine has KVM, but not for this user."""
    return closed_to_us(cpuinfo=CPUINFO.read_text(), kvm=KVM)
