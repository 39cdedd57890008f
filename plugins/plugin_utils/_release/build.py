# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Build Go programs on the controller: one build per program and target, for any number of hosts."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import typing as t

from ...module_utils._errors import HostError

__all__ = ["Build", "build_program"]


class Build(t.NamedTuple):
    """What to build: a package of the module in ``directory``, for Linux on ``goarch``."""

    directory: str
    package: str
    goarch: str
    ldflags: str
    tags: tuple[str, ...]
    go: str

    def key(self) -> str:
        """A key for this build, unique on the controller."""
        return hashlib.sha256("\0".join([*self[:-2], *self.tags, self.go]).encode()).hexdigest()[:16]


def build_program(build: Build, *, cache: str) -> str:
    """Build, and return the path of the program.

    It always runs the go command, whose own cache decides whether anything is to be done. The program is static
    (no cgo) and free of local paths and of the state of the checkout, so that equal sources give equal bytes
    and a fleet is not restarted by an unrelated commit.

    :param cache: a directory for the results, one folder a build
    :raises HostError: no Go on the controller, no such directory, or a failed build
    """
    go = shutil.which(build.go)
    if go is None:
        raise HostError(
            f"build of {build.directory}",
            wanted=f"the go command {build.go!r} on the controller",
            found="none on its PATH",
            remedy="Install Go on the controller, name it in build.go, or give a built program in file.",
        )
    if not os.path.isdir(build.directory):
        raise HostError(
            f"build of {build.directory}",
            wanted="a directory with Go sources on the controller",
            found="no such directory",
            remedy="Give build.directory as an absolute path, for example through playbook_dir.",
        )
    folder = os.path.join(cache, build.key())
    os.makedirs(folder, mode=0o700, exist_ok=True)
    program = os.path.join(folder, "program")
    with _locked(os.path.join(folder, "lock")):
        done = subprocess.run(
            _command(build, go=go, output=program),
            cwd=build.directory,
            env={**os.environ, "GOOS": "linux", "GOARCH": build.goarch, "CGO_ENABLED": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise HostError(
            f"build of {build.package} in {build.directory}",
            wanted="a program",
            found=f"go build ended with {done.returncode}: {(done.stderr or done.stdout).strip()}",
            remedy="Correct the sources; the hosts were not changed.",
        )
    return program


def _command(build: Build, *, go: str, output: str) -> list[str]:
    command = [go, "build", "-trimpath", "-buildvcs=false", "-o", output]
    if build.ldflags:
        command.append(f"-ldflags={build.ldflags}")
    if build.tags:
        command.append(f"-tags={','.join(build.tags)}")
    return [*command, build.package]


@contextlib.contextmanager
def _locked(path: str) -> t.Iterator[None]:
    with open(path, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
