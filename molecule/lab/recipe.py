"""What goes into an image, as plain data with a hash: the same recipe is the same image."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

from .release import Release

Kind = Literal["vm", "container"]

PACKAGES = (
    "systemd-sysv", "dbus", "udev", "openssh-server", "python3", "python3-apt", "apparmor", "iproute2",
    "ca-certificates", "iputils-ping", "procps",
)  # fmt: skip
# Fetched, not installed: a host then installs them without the network.
CACHED_PACKAGES = ("prometheus", "prometheus-node-exporter")
# What wakes up behind a test's back or makes a boot longer.
MASKED = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "e2scrub_reap.service",
    "fstrim.timer", "man-db.timer", "motd-news.timer", "systemd-networkd-wait-online.service",
    "systemd-pcrphase.service", "systemd-pcrphase-sysinit.service", "getty@tty1.service",
)  # fmt: skip
# Debian 13's looks for a socket to the hypervisor, which is not there, and logs a failure at each boot.
MASKED_GENERATORS = ("systemd-ssh-generator",)
DISK_SIZE = "6G"

# User-mode networking of QEMU: its addresses are fixed, so no DHCP exchange delays the boot.
NAT_CONTROLLER = "10.0.2.2"
_NAT_NETWORK = f"""\
[Match]
Name=eth0

[Network]
Address=10.0.2.15/24
Gateway={NAT_CONTROLLER}
LinkLocalAddressing=no
IPv6AcceptRA=no
"""
_RESOLV_CONF = "nameserver 10.0.2.3\n"


@dataclass(frozen=True)
class Recipe:
    """All that decides an image's content, except what the archive holds on the day it is built."""

    image: str
    kind: Kind
    suite: str
    sources: tuple[str, ...]
    keyring: str
    packages: tuple[str, ...]
    cached_packages: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]
    disk_size: str

    def digest(self) -> str:
        """Return the SHA-256 of the recipe in hexadecimal."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def recipe(release: Release, *, kind: Kind, public_key: str) -> Recipe:
    """Return the recipe of a release for hosts of ``kind``, which let the holder of ``public_key`` in as root."""
    vm = kind == "vm"
    return Recipe(
        image=release.image,
        kind=kind,
        suite=release.suite,
        sources=release.sources,
        keyring=release.keyring,
        packages=PACKAGES
        + release.packages
        + ((release.kernel, "initramfs-tools", *release.oracles) if vm else ()),
        cached_packages=CACHED_PACKAGES,
        files=_files(release, vm=vm, public_key=public_key),
        links=(
            *((f"/etc/systemd/system/{unit}", "/dev/null") for unit in MASKED),
            *((f"/etc/systemd/system-generators/{name}", "/dev/null") for name in MASKED_GENERATORS),
        ),
        commands=_commands(vm=vm, cached=CACHED_PACKAGES),
        disk_size=DISK_SIZE,
    )


def _files(release: Release, *, vm: bool, public_key: str) -> tuple[tuple[str, str], ...]:
    sshd = (
        "UseDNS no",
        "MaxStartups 100",
        "MaxSessions 100",
        "PermitRootLogin prohibit-password",
        *release.sshd,
    )
    files = [
        ("/root/.ssh/authorized_keys", public_key.strip() + "\n"),
        ("/etc/ssh/sshd_config.d/lab.conf", "\n".join(sshd) + "\n"),
        ("/etc/apt/apt.conf.d/90lab", _APT_CONF),
    ]
    if vm:
        files += [
            ("/etc/fstab", "/dev/vda / ext4 defaults,noatime 0 0\n"),
            ("/etc/systemd/network/10-nat.network", _NAT_NETWORK),
            ("/etc/initramfs-tools/conf.d/lab", "MODULES=list\n"),
            ("/usr/share/initramfs-tools/modules.d/lab", "virtio_pci\nvirtio_blk\next4\n"),
        ]
    return tuple(files)


# Without the first line `apt install` (not apt-get) deletes what we fetched ahead.
_APT_CONF = """\
Binary::apt::APT::Keep-Downloaded-Packages "true";
APT::Install-Recommends "false";
Acquire::Languages "none";
"""


def _commands(*, vm: bool, cached: tuple[str, ...]) -> tuple[str, ...]:
    """Return shell commands that run inside the finished tree."""
    return (
        f"apt-get install --yes --download-only --no-install-recommends {' '.join(cached)}",
        "systemctl enable ssh.service",
        "chmod 700 /root/.ssh && chmod 600 /root/.ssh/authorized_keys",
        *(
            (
                "systemctl enable systemd-networkd.service",
                "systemctl enable serial-getty@ttyS0.service",
                f"rm -f /etc/resolv.conf && printf '{_RESOLV_CONF.strip()}\\n' >/etc/resolv.conf",
            )
            if vm
            else ("systemctl disable systemd-networkd.service || true", "rm -f /etc/resolv.conf")
        ),
        "echo localhost >/etc/hostname",
        "printf '127.0.0.1 localhost\\n' >/etc/hosts",
    )
