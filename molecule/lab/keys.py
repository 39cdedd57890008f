"""The ssh key of the lab's hosts.

One pair a cache, its public half part of the image: hosts then need no seed to let us in, a snapshot of a booted
host stays usable, and no ssh key of the user is touched. The private half is readable by the user alone, and hosts
listen on this machine only. Each lab gets a copy of its own, so that an inventory names no path outside the lab.
"""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

from .command import run
from .places import cache_dir

KEY_NAME = "id_ed25519"


def cached_key() -> Path:
    """Return the private key in the cache, made if absent; its public half lies beside it as ``.pub``."""
    folder = cache_dir() / "ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    key = folder / KEY_NAME
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not key.with_suffix(".pub").exists():
            key.unlink(missing_ok=True)
            run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "gofleet-lab", "-f", str(key)],
                wanted="ssh key of the lab",
            )
    return key


def public_key() -> str:
    """Return the public half of the lab's key, one line."""
    return cached_key().with_suffix(".pub").read_text()


def copy_key(folder: Path) -> Path:
    """Copy the key pair into a lab's own folder and return the private half's path there."""
    key = folder / KEY_NAME
    for source in (cached_key(), cached_key().with_suffix(".pub")):
        shutil.copy(source, folder / source.name)
    key.chmod(0o600)
    return key
