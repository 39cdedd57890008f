# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An account of this machine that is made for a test, and everything it may leave behind, which is removed."""

from __future__ import annotations

import contextlib
import os
import pathlib
import pwd
import secrets
import socket
import subprocess
import sys
import time
import typing as t

from lab.places import cache_dir
from lab.root import as_root

__all__ = ["Account", "Ended", "account"]

NAME = "gofleet-newcomer"
HOME = pathlib.Path("/home") / NAME
CACHE = HOME / ".cache" / "gofleet-lab"
SUDOERS = pathlib.Path("/etc/sudoers.d") / NAME
CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
# What a site sets for programs that fetch something; everything else of our environment stays with us.
FETCHING = ("PIP_", "SSL_CERT_", "REQUESTS_CA_BUNDLE", "GOPROXY", "GOSUMDB")


class Ended(t.NamedTuple):
    """How a command ended, what it printed and how often it asked for the password."""

    status: int
    output: str
    questions: int


def root(*argv: str, stdin: str | None = None, check: bool = True) -> str:
    """Run a command as root, and return what it prints."""
    done = subprocess.run(as_root(argv), input=stdin, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout


class Account:
    """A new user with a password, a home of mode 0700 and the umask 077; not one of the sudoers yet."""

    def __init__(self) -> None:
        self.password = secrets.token_hex(16)
        root("useradd", "--create-home", "--home-dir", str(HOME), "--shell", "/bin/sh", NAME)
        root("chmod", "700", str(HOME))
        root("chpasswd", stdin=f"{NAME}:{self.password}\n")

    def may_use_sudo(self) -> None:
        """Let the account run any command by sudo, which asks for the password and forgets after a minute."""
        text = f"{NAME} ALL=(ALL:ALL) ALL\nDefaults:{NAME} timestamp_timeout=1\n"
        root("sh", "-c", 'umask 227; cat > "$1"', "sh", str(SUDOERS), stdin=text)

    def command(self, script: str, folder: pathlib.Path = HOME) -> list[str]:
        """The command that runs a shell script as the account, with the environment of a login."""
        path = "/usr/local/bin:/usr/bin:/bin"
        values = {"HOME": str(HOME), "USER": NAME, "LOGNAME": NAME, "PATH": path, "TERM": "dumb"}
        values |= {name: value for name, value in os.environ.items() if name.startswith(FETCHING)}
        environment = [f"{name}={value}" for name, value in values.items()]
        become = ["runuser", "-u", NAME, "--", "env", "-C", str(folder), *environment]
        return [*become, "sh", "-c", f"umask 077\n{script}"]

    def take(self, checkout: pathlib.Path) -> None:
        """Give the account a clone of this checkout, with what is not committed, and a copy of what we have fetched.

        That is the Go releases and one of the images, with the key that it lets in; the other image is made anew.
        """
        tracked = subprocess.run(
            ["git", "-C", str(CHECKOUT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        self._unpack(checkout, CHECKOUT, names=tracked, then="git init -q")
        image = max(cache_dir().glob("images/debian-13-container-*"), key=os.path.getmtime, default=None)
        fetched = [
            *cache_dir().glob("go-mirror/dl/*"),
            *([image, *cache_dir().glob("ssh/id_*")] if image else []),
        ]
        names = b"\0".join(os.fsencode(path.relative_to(cache_dir())) for path in fetched)
        self._unpack(CACHE, cache_dir(), names=names)

    def _unpack(self, to: pathlib.Path, source: pathlib.Path, *, names: bytes, then: str = "true") -> None:
        pack = ["tar", "-C", str(source), "--null", "--ignore-failed-read", "-cf", "-", "-T", "-"]
        unpack = as_root(self.command(f'mkdir -p "{to}" && cd "{to}" && tar -xf - && {then}'))
        with subprocess.Popen(pack, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as packing:
            assert packing.stdin is not None
            with subprocess.Popen(unpack, stdin=packing.stdout) as unpacking:
                packing.stdin.write(names)
                packing.stdin.close()
        assert (packing.returncode, unpacking.returncode) == (0, 0)

    def run(self, script: str, folder: pathlib.Path, *, seconds: float) -> Ended:
        """Run a shell script as the account on a terminal of its own, and give the password when asked for it."""
        command = self.command(script, folder)
        terminal = [sys.executable, str(pathlib.Path(__file__).with_name("terminal.py")), str(seconds)]
        done = subprocess.run(
            as_root([*terminal, *command]),
            input=f"{self.password}\n".encode(),
            capture_output=True,
            check=False,
        )
        output = done.stdout.decode("utf-8", "replace").replace("\r\n", "\n")
        return Ended(done.returncode, output, int(done.stderr))


@contextlib.contextmanager
def account() -> t.Iterator[Account]:
    """The account for as long as the block lasts; what it left goes with it, and what a killed run left."""
    with socket.socket(socket.AF_UNIX) as only_one:
        # A name in no file system, which ends with this process and which every user can take.
        try:
            only_one.bind(f"\0{NAME}")
        except OSError as error:
            raise RuntimeError(
                f"another run of this test has the account {NAME}; wait for its end"
            ) from error
        remove()
        try:
            yield Account()
        finally:
            remove()


def remove() -> None:
    """Remove the account, its processes, hosts, images and files."""
    try:
        pwd.getpwnam(NAME)
    except KeyError:
        root("rm", "-f", str(SUDOERS))
        return
    end_processes()
    for lab in root("sh", "-c", f"find {HOME} -path '*/.lab/*/lab.json'", check=False).splitlines():
        state = pathlib.Path(lab).parent
        variables = [f"LAB_STATE={state.parent}", f"PYTHONPATH={CHECKOUT / 'molecule'}"]
        variables.append("PYTHONDONTWRITEBYTECODE=1")  # no file of root's in our checkout
        root("env", *variables, sys.executable, "-m", "lab", "down", "--name", state.name)
    images = root("ls", f"{CACHE}/images", check=False).split()
    for image in images:
        if not (cache_dir() / "images" / image).exists():
            root("podman", "rmi", f"localhost/gofleet-lab:{image.rpartition('-')[2]}", check=False)
    own = ["-maxdepth", "1", "-user", NAME, "-exec", "rm", "-rf", "{}", "+"]
    root("find", "/tmp", "/var/tmp", *own, check=False)
    user = str(pwd.getpwnam(NAME).pw_uid)
    root("rm", "-rf", "--one-file-system", str(HOME))
    root("userdel", NAME)
    # sudo names them by the user, and newer ones by the number.
    left = [f"{place}/{who}" for place in ("/run/sudo/ts", "/var/lib/sudo/lectured") for who in (NAME, user)]
    root("rm", "-rf", str(SUDOERS), *left)


def end_processes() -> None:
    """End what the account started, and wait until they are gone."""
    deadline = time.monotonic() + 20
    while (mine := _processes()) and time.monotonic() < deadline:
        root("kill", "-s", "KILL", *mine, check=False)
        time.sleep(0.2)


def _processes() -> list[str]:
    """Processes of the account, and those of root that it started by sudo and that work on its files."""
    user = pwd.getpwnam(NAME).pw_uid
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if not entry.name.isdigit():
                continue
            if entry.stat().st_uid == user or f"{HOME}/".encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
    return found
