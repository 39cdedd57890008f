"""The distribution releases hosts can run, as data."""

from __future__ import annotations

from dataclasses import dataclass

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
    # What says the same as our probes by other means; fetched, not installed.
    oracles: tuple[str, ...] = ()


def _debian(image: str, *, suite: str, sshd: tuple[str, ...] = ()) -> Release:
    archive = "http://deb.debian.org/debian"
    return Release(
        image=image,
        suite=suite,
        sources=(
            f"deb {archive} {suite} main",
            f"deb {archive} {suite}-updates main",
            f"deb {archive}-security {suite}-security main",
        ),
        probe=f"{archive}/dists/{suite}/InRelease",
        keyring="/usr/share/keyrings/debian-archive-keyring.gpg",
        keyring_package="debian-archive-keyring",
        kernel="linux-image-cloud-amd64",
        sshd=sshd,
        oracles=("binutils", "bpftool", "liburing2"),
    )


_UBUNTU = "http://archive.ubuntu.com/ubuntu"

RELEASES = (
    _debian("debian-12", suite="bookworm"),
    # Since OpenSSH 9.8 a client that hangs up early is locked out for a while; a lab that waits for sshd does that.
    _debian("debian-13", suite="trixie", sshd=("PerSourcePenalties no",)),
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
