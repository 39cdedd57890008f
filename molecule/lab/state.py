"""One lab: its hosts, its folders, and the file that remembers them between commands."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .errors import LabError
from .places import state_root
from .recipe import Kind

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Host:
    """A host: how the controller reaches it (ssh) and how the other hosts do (address)."""

    name: str
    image: str
    kind: Kind
    address: str
    ssh_address: str
    ssh_port: int


@dataclass
class Lab:
    """A lab as written to ``lab.json``; ``ready`` once ``up`` has finished."""

    name: str
    kind: Kind
    run_dir: str
    boot_id: str
    subnet: str = ""
    mirror: str = ""
    ready: bool = False
    hosts: list[Host] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """The lab's own folder."""
        return state_root() / self.name

    @property
    def run(self) -> Path:
        """The folder of its sockets: short, because a socket's path ends at 107 bytes."""
        return Path(self.run_dir)

    @property
    def markers(self) -> tuple[str, str]:
        """What the command line of every process of this lab contains one of."""
        return (f"{self.folder}/", f"{self.run_dir}/")

    def host(self, name: str) -> Host:
        """Return the host called ``name``; LabError names the others."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise LabError(f"lab {self.name}: no host {name!r}, it has {', '.join(h.name for h in self.hosts)}")

    def save(self) -> None:
        """Write ``lab.json``, whole or not at all."""
        temporary = self.folder / "lab.json.new"
        temporary.write_text(json.dumps(asdict(self), indent=2) + "\n")
        temporary.replace(self.folder / "lab.json")


def new_lab(name: str, *, kind: Kind) -> Lab:
    """Make a lab's folders and its first state file."""
    (state_root() / name).mkdir(parents=True, mode=0o700)
    run_dir = tempfile.mkdtemp(prefix="gofleet-lab-", dir="/tmp")
    lab = Lab(name=name, kind=kind, run_dir=run_dir, boot_id=BOOT_ID.read_text().strip())
    lab.save()
    return lab


def load_lab(name: str) -> Lab | None:
    """Return the lab called ``name`` as last saved, or None where there is none (or only a torn folder)."""
    try:
        data = json.loads((state_root() / name / "lab.json").read_text())
        return Lab(**{**data, "hosts": [Host(**host) for host in data["hosts"]]})
    except (FileNotFoundError, json.JSONDecodeError, TypeError, KeyError):
        return None


def require_lab(name: str) -> Lab:
    """Return the lab called ``name``; LabError where it is not up or is left from before a reboot."""
    lab = load_lab(name)
    if lab is None or not lab.ready:
        raise LabError(
            f"lab {name}: wanted a running lab in {state_root() / name}, found none; run `lab up` first"
        )
    if lab.boot_id != BOOT_ID.read_text().strip():
        raise LabError(f"lab {name}: left from before this machine's last boot; run `lab up` again")
    return lab


def forget(name: str, *, lab: Lab | None) -> None:
    """Remove a lab's folders."""
    if lab is not None:
        shutil.rmtree(lab.run, ignore_errors=True)
    shutil.rmtree(state_root() / name, ignore_errors=True)
    with contextlib.suppress(OSError):
        state_root().rmdir()


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold a lab for one command; LabError if another command has it."""
    state_root().mkdir(parents=True, exist_ok=True)
    path = state_root() / f".{name}.lock"
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            lock.seek(0)
            raise _busy(name, owner=lock.read().strip()) from exc
        # The holder before us removes the file: what we locked may no longer be the one others find.
        if not path.exists() or not os.path.samestat(path.stat(), os.fstat(lock.fileno())):
            raise _busy(name, owner="just ended")
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        state_root().rmdir()


def _busy(name: str, *, owner: str) -> LabError:
    return LabError(f"lab {name}: another command works on it (process {owner}); wait for it, then try again")


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
