# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A key made for the tests, which signs what they give it."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tempfile
import typing as t

import pytest

__all__ = ["Key", "throw_away_key"]

needs_gpg = pytest.mark.skipif(
    shutil.which("gpg") is None or shutil.which("gpgv") is None, reason="no gpg and gpgv on this machine"
)


class Key:
    """One key in a keyring of its own. The agent's socket needs a short path, so it is not below a test's."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.run("--passphrase", "", "--quick-gen-key", "test <test@example.org>", "ed25519", "sign", "never")
        listed = self.run("--with-colons", "--fingerprint").decode()
        self.fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))

    def run(self, *argv: str, data: bytes | None = None) -> bytes:
        command = ["gpg", "--homedir", self.home, "--batch", "--quiet", "--no-tty", *argv]
        environment = {"PATH": os.defpath, "LC_ALL": "C"}
        done = subprocess.run(command, input=data, capture_output=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def public(self, *, armor: bool = True) -> bytes:
        return self.run(*(["--armor"] if armor else []), "--export")

    def sign(self, data: bytes, *, armor: bool = True) -> bytes:
        return self.run(*(["--armor"] if armor else []), "--detach-sign", data=data)

    def options(self, directory: pathlib.Path) -> dict[str, t.Any]:
        """The option `signature` of the modules."""
        path = directory / f"{self.fingerprint}.pub"
        path.write_bytes(self.public())
        return {"fingerprint": self.fingerprint, "key": str(path)}


def throw_away_key() -> t.Iterator[Key]:
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:
        try:
            yield Key(home)
        finally:
            kill = ["gpgconf", "--homedir", home, "--kill", "all"]
            subprocess.run(kill, capture_output=True, check=False)
