"""Root on the controller: an ordinary user gives it to single commands by sudo, and is asked for it once.

``python3 -m lab.root PROCESS`` says what root is used for, asks, and sees to it that sudo does not ask again before
that process has ended. The Makefile does that first, before there is a virtual environment, so this file needs
nothing but the standard library.
"""

from __future__ import annotations

import functools
import getpass
import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

from .errors import LabError

USES = """\
root: you are {user}. {how} is used to
  install packages (apt-get; on Debian 12 also the package source backports, for QEMU)
  make images of the test hosts, whose files belong to root (mmdebstrap, mke2fs)
  run container hosts and their network (podman)
  in the tests: mount small file systems, give files to another user, make an account and remove it"""
REMEDY = (
    "give {user} the right to run any command by sudo (as root: apt-get install sudo && usermod -aG sudo {user}, "
    "then log in again), or run this as root"
)
# Fails where it would have to ask for a password.
SUDO = ("sudo", "-n", "--")
# What sudo takes out of the environment and programs that fetch something need.
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
# sudo forgets after 5 to 15 minutes, and after one where somebody wants it strict.
REFRESH_SECONDS = 30
# The user's umask may be strict; the files of an image have the modes that the packages give them.
SCRIPT = 'umask 022; exec env "$@"'
# What the Makefile makes in a checkout.
MADE = (".venv", ".build", ".cache")
_asking = threading.Lock()


def as_root(argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> list[str]:
    """Return the command that runs ``argv`` as root with ``env`` added; ask for the password if sudo wants one.

    Run it in the session of this process: sudo remembers a password for one session. LabError without the right.
    """
    with _asking:
        _ready()
    return [*([] if os.geteuid() == 0 else SUDO), *wrapped(argv, env={**_proxies(), **(env or {})})]


def wrapped(argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> list[str]:
    """Return the command that root runs for ``argv`` with ``env`` added."""
    return ["sh", "-c", SCRIPT, "sh", *(f"{name}={value}" for name, value in (env or {}).items()), *argv]


def _proxies() -> dict[str, str]:
    return {name: os.environ[name] for name in PROXIES if name in os.environ}


@functools.cache
def _ready() -> None:
    """Ask, and keep the right for as long as this process lives."""
    ask()
    if os.geteuid() != 0:
        threading.Thread(target=_refresh, args=(os.getpid(),), daemon=True).start()


def ask() -> None:
    """Get the right to run commands as root, which may ask for the password; LabError without it."""
    if os.geteuid() == 0:
        return
    user = getpass.getuser()
    if shutil.which("sudo") is None:
        raise LabError(
            f"wanted root for some commands, found neither root nor sudo; {REMEDY.format(user=user)}"
        )
    if not _granted():
        # Not `sudo -v`, which wants a password of users who need none for commands. sudo asks on the terminal.
        asked = subprocess.run(["sudo", "--", *wrapped(["true"])], check=False)
        if asked.returncode or not _granted():
            raise LabError(
                f"wanted root for some commands, found that sudo does not give it to {user} here; "
                f"{REMEDY.format(user=user)}"
            )


def _granted() -> bool:
    return subprocess.run([*SUDO, *wrapped(["true"])], capture_output=True, check=False).returncode == 0


def keep(process: int) -> None:
    """Leave a process behind that keeps the right to run commands as root until ``process`` has ended."""
    if os.fork():
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever is interrupted has to clean up first
    with open(os.devnull, "r+b") as nothing:
        for stream in range(3):
            os.dup2(nothing.fileno(), stream)
    _refresh(process)
    os._exit(0)


def _refresh(process: int) -> None:
    for second in itertools.count(1):
        time.sleep(1)
        if not os.path.exists(f"/proc/{process}"):
            return
        if second % REFRESH_SECONDS == 0:
            _granted()


def left_by_root(folders: Sequence[str]) -> str:
    """Return a file in ``folders`` that belongs to another user, whose run would stop ours half-way; empty for none."""
    if os.geteuid() == 0:
        return ""
    command = ["find", *folders, "!", "-uid", str(os.geteuid()), "-print", "-quit"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def main(arguments: Sequence[str]) -> int:
    """Say what root is used for, ask, and keep the right until the process that is named has ended."""
    if found := left_by_root(MADE):
        print(
            f"root: {found} belongs to another user, as a run as root leaves it; use `make clean`",
            file=sys.stderr,
        )
        return 2
    how = "Root" if os.geteuid() == 0 else "Root, by sudo,"
    print(USES.format(user=getpass.getuser(), how=how), file=sys.stderr, flush=True)
    try:
        ask()
    except LabError as error:
        print(f"root: {error}", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        keep(int(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
