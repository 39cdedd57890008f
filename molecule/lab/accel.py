"""How QEMU should run a guest here: with KVM where it works, else by translation (TCG)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
    flags = {
        flag
        for line in cpuinfo.splitlines()
        if line.startswith("flags")
        for flag in line.partition(":")[2].split()
    }
    if kvm.exists() and flags & VIRTUALISATION_FLAGS:
        return Accelerator(accel="kvm", cpu="host", cmdline="")
    # Nehalem is x86-64-v2, the least that current distributions and GOAMD64=v2 ask for; more is only slower here.
    # A translator does not speculate, so nothing is mitigated; switching page tables at each system call, though, costs
    # it the better part of its time.
    return Accelerator(accel="tcg,thread=multi", cpu="Nehalem", cmdline=" mitigations=off")


def local_accelerator() -> Accelerator:
    """Choose for this machine."""
    return accelerator(cpuinfo=Path("/proc/cpuinfo").read_text(), kvm=Path("/dev/kvm"))
