"""The controller's own packages: what the lab needs, what is missing, and how it gets here."""

from __future__ import annotations

import fcntl
import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .command import find, run
from .errors import LabError
from .places import cache_dir
from .progress import say
from .recipe import Kind
from .release import release

INSTALL_TIMEOUT = 1800.0
# QEMU 7.2 translates (TCG) wrongly for a 6.12 guest: random oopses and stuck I/O.
QEMU_MINIMUM = 8
SOURCES = Path("/etc/apt/sources.list.d/gofleet-lab-backports.sources")
OS_RELEASE = Path("/etc/os-release")


@dataclass(frozen=True)
class Need:
    """A file or program the lab uses and the distribution package that brings it."""

    program: str
    package: str


_IMAGE = (
    Need("mmdebstrap", "mmdebstrap"),
    Need("ssh", "openssh-client"),
    Need("ssh-keygen", "openssh-client"),
)
NEEDS: dict[Kind, tuple[Need, ...]] = {
    "vm": (
        *_IMAGE, Need("qemu-system-x86_64", "qemu-system-x86"), Need("qemu-img", "qemu-utils"),
        Need("vde_switch", "vde2"), Need("mke2fs", "e2fsprogs"),
    ),
    "container": (
        *_IMAGE, Need("podman", "podman"), Need("runc", "runc"), Need("netavark", "netavark"),
        Need("iptables", "iptables"),
    ),
}  # fmt: skip
# Not on the PATH, so looked for where Debian puts it.
PRIVATE = {"netavark": "/usr/lib/podman/netavark"}
FROM_BACKPORTS = frozenset({"qemu-system-x86", "qemu-utils"})


def ensure_packages(kind: Kind, *, images: Sequence[str] = ()) -> None:
    """Install the missing packages of the controller for hosts of ``kind`` made of ``images``.

    Raises LabError with the command to use where this isn't an apt system.
    """
    packages = missing(kind, images=images)
    if not packages:
        return
    if find("apt-get") is None:
        raise LabError(
            f"the lab needs these Debian packages or their like: {' '.join(packages)}; install them"
        )
    say(f"controller: installing {' '.join(packages)}")
    install(packages)


def missing(kind: Kind, *, images: Sequence[str]) -> list[str]:
    """Return the packages that are missing, or too old, sorted."""
    absent = {need.package for need in NEEDS[kind] if not _present(need.program)}
    for image in images:
        if not Path(release(image).keyring).exists():
            absent.add(release(image).keyring_package)
    if kind == "vm" and "qemu-system-x86" not in absent and _qemu_major() < QEMU_MINIMUM:
        absent |= FROM_BACKPORTS
    return sorted(absent)


def install(packages: Sequence[str]) -> None:
    """Install packages with apt, those of QEMU from backports where the release itself has too old a one."""
    # apt waits for another one that installs, but not for one that updates its lists.
    with (cache_dir() / "packages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(packages)


def _install(packages: Sequence[str]) -> None:
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=600", "-o", "APT::Update::Error-Mode=any"]
    # A third-party source that is down must not stop us, so an error of the update alone is not the end.
    update = functools.partial(
        run,
        [*apt, "update"],
        wanted="package lists",
        env=environment,
        timeout=INSTALL_TIMEOUT,
        check=False,
        root=True,
    )
    update()
    backports = [name for name in packages if name in FROM_BACKPORTS]
    target = _backports_target() if backports else None
    if target and f"n={target}" not in run(["apt-cache", "policy"], wanted="package sources").stdout:
        _enable_backports(target)
        update()
    for names, suite in ((backports, target), ([name for name in packages if name not in backports], None)):
        if names:
            run(
                [*apt, "install", "--yes", "--no-install-recommends", *(["-t", suite] if suite else []), *names],
                wanted="packages of the controller", env=environment, timeout=INSTALL_TIMEOUT, root=True,
            )  # fmt: skip
    if backports and _qemu_major() < QEMU_MINIMUM:
        raise LabError(
            f"wanted QEMU {QEMU_MINIMUM} or newer, found {_qemu_major()}; no package source here has it"
        )


def candidate_major(policy: str) -> int:
    """Return the major version of the candidate in the output of ``apt-cache policy PACKAGE``; 0 for none."""
    found = re.search(r"Candidate: (?:\d+:)?(\d+)", policy)
    return int(found.group(1)) if found else 0


def _backports_target() -> str | None:
    """Return the backports suite to take QEMU from, or None where the release's own is new enough."""
    policy = run(["apt-cache", "policy", "qemu-system-x86"], wanted="QEMU's version").stdout
    if candidate_major(policy) >= QEMU_MINIMUM:
        return None
    fields = dict(line.split("=", 1) for line in OS_RELEASE.read_text().splitlines() if "=" in line)
    if fields.get("ID") != "debian":
        found = f"{candidate_major(policy)} on {fields.get('ID')}"
        raise LabError(f"wanted QEMU {QEMU_MINIMUM} or newer, found {found}; install a newer one by hand")
    return f"{fields['VERSION_CODENAME'].strip()}-backports"


def _enable_backports(suite: str) -> None:
    say(f"controller: adding the package source {SOURCES} ({suite}, for QEMU)")
    text = (
        "# Written by gofleet's lab, which needs a newer QEMU than the release has.\n"
        f"Types: deb\nURIs: http://deb.debian.org/debian\nSuites: {suite}\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )
    run(["tee", str(SOURCES)], wanted=f"package source {SOURCES}", stdin=text, root=True)


def _present(program: str) -> bool:
    return find(program) is not None or (program in PRIVATE and Path(PRIVATE[program]).exists())


def _qemu_major() -> int:
    text = run(["qemu-system-x86_64", "--version"], wanted="QEMU's version").stdout
    found = re.search(r"version (\d+)", text)
    return int(found.group(1)) if found else 0
