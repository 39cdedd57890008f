"""The distribution releases hosts can run, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .errors import LabError


@dataclass(frozen=True)
class Release:
    """One distribution release: where its packages are and what is particular to it."""

    image: str
    suite: str
    sources: tuple[str, ...]
    probe: str
    keyring: str
    keyring_package: str
    kernel: str
    sshd: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    # What says the same as our probes by other means; on virtual machines alone, whose kernels are probed.
    oracles: tuple[str, ...] = ()


_DEBIAN = "http://deb.debian.org/debian"
_UBUNTU = "http://archive.ubuntu.com/ubuntu"


def _debian(image: str, *, suite: str, sshd: tuple[str, ...] = ()) -> Release:
    return Release(
        image=image,
        suite=suite,
        sources=(
            f"deb {_DEBIAN} {suite} main",
            f"deb {_DEBIAN} {suite}-updates main",
            f"deb {_DEBIAN}-security {suite}-security main",
        ),
        probe=f"{_DEBIAN}/dists/{suite}/InRelease",
        keyring="/usr/share/keyrings/debian-archive-keyring.gpg",
        keyring_package="debian-archive-keyring",
        kernel="linux-image-cloud-amd64",
        sshd=sshd,
        oracles=("binutils", "bpftool", "liburing2"),
    )


# Since OpenSSH 9.8 a client that hangs up early is locked out for a while; a lab that waits for sshd does that.
_DEBIAN_13 = _debian("debian-13", suite="trixie", sshd=("PerSourcePenalties no",))

RELEASES = (
    _debian("debian-12", suite="bookworm"),
    _DEBIAN_13,
    # The oldest one that the collection supports: Python 3.9, systemd 247, kernel 5.10. Its security updates are gone
    # from the archive, and its liburing has the older name.
    replace(
        _debian("debian-11", suite="bullseye"),
        sources=(f"deb {_DEBIAN} bullseye main",),
        oracles=("binutils", "bpftool", "liburing1"),
    ),
    # The newest kernel under the same programs: the meta-package of backports depends on the newest one there.
    replace(
        _DEBIAN_13,
        image="debian-13-backports",
        sources=(*_DEBIAN_13.sources, f"deb {_DEBIAN} trixie-backports main"),
        kernel="linux-image-cloud-amd64/trixie-backports",
    ),
    Release(
        image="ubuntu-24.04",
        suite="noble",
        sources=tuple(
            f"deb {_UBUNTU} {suite} main universe" for suite in ("noble", "noble-updates", "noble-security")
        ),
        probe=f"{_UBUNTU}/dists/noble/InRelease",
        keyring="/usr/share/keyrings/ubuntu-archive-keyring.gpg",
        keyring_package="ubuntu-keyring",
        kernel="linux-image-virtual",
        # Not part of the minimal set there, as it is in Debian.
        packages=("apt",),
        oracles=("binutils", "linux-tools-common", "linux-tools-virtual", "liburing2"),
    ),
)


def release(image: str) -> Release:
    """Return the release called ``image``; LabError names the known ones."""
    for known in RELEASES:
        if known.image == image:
            return known
    raise LabError(f"image {image!r}: wanted one of {', '.join(known.image for known in RELEASES)}")
