# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""`go install` for others: into a directory beside the place, checked, and renamed; and why it failed."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import tempfile
import time
import typing as t

from .._account import Account, acting_as
from .._atomic import fsync_directory
from .._errors import HostError
from .._run import Completed, Runner
from .env import MACHINE_FILE, machine_environment
from .proxy_diagnosis import first_problem
from .proxy_info import read_go_proxy_info

__all__ = ["Builder", "Job", "build_and_place", "newest_version"]

_PROBE_SECONDS = 5  # for each step
_STAGING = ".go_tool-"
_YOUNG = 60  # seconds; what was just made is perhaps not locked yet
_LINES = 12  # of what go says that are passed on


class Job(t.NamedTuple):
    """One program to build, and where it goes."""

    package: str
    version: str
    path: str


class Builder(t.NamedTuple):
    """Who builds, with which go, into which directory; ``timeout`` is seconds for one command."""

    run: Runner
    go: str
    account: Account
    bin_dir: str
    environment: t.Mapping[str, str]
    timeout: int

    def command(self, arguments: list[str], *, gobin: str = "") -> Completed:
        """The go command, as the user who builds, in that user's home, ended after the time that it has."""
        argv = ["env", "-C", self.account.home, "timeout", "-k", "10", str(self.timeout), self.go, *arguments]
        environment = {
            **machine_environment(MACHINE_FILE),
            # The release that was chosen builds, not one that a module asks for.
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-trimpath",
            "CGO_ENABLED": "0",
            **{name: str(value) for name, value in self.environment.items()},
            "GOBIN": gobin,
            "GOWORK": "off",
            "HOME": self.account.home,
        }
        if self.account.uid != os.geteuid():
            argv = ["runuser", "-u", self.account.name, "--", *argv]
            # Those of the user who runs the module are not those of the user who builds.
            environment.update(
                dict.fromkeys(("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "GOPATH", "GOCACHE", "GOENV"), "")
            )
        return self.run(argv, env=environment)


def build_and_place(jobs: list[Job], *, builder: Builder, check: t.Callable[[str, Job], None]) -> None:
    """Build all, then put each in its place by a rename: what fails to build changes nothing.

    :param check: raises HostError for a program that is not the one asked for
    """
    if not jobs:
        return
    with _staging(builder) as staging:
        built = []
        for number, job in enumerate(jobs):
            directory = os.path.join(staging, str(number))
            with acting_as(builder.account):
                os.mkdir(directory, 0o755)
            done = builder.command(["install", f"{job.package}@{job.version}"], gobin=directory)
            if done.rc != 0:
                raise failure(job, done, builder=builder)
            with acting_as(builder.account):
                program = os.path.join(directory, os.path.basename(job.path))
                check(program, job)
                _flush(program)
            built.append(program)
        with acting_as(builder.account):
            for program, job in zip(built, jobs):
                os.rename(program, job.path)
            fsync_directory(builder.bin_dir)


@contextlib.contextmanager
def _staging(builder: Builder) -> t.Iterator[str]:
    """A directory beside the programs, gone at the end; and those that killed runs have left."""
    try:
        with acting_as(builder.account):
            os.makedirs(builder.bin_dir, mode=0o755, exist_ok=True)
            _sweep(builder.bin_dir)
            staging = tempfile.mkdtemp(prefix=_STAGING, dir=builder.bin_dir)
            held = os.open(staging, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(held, fcntl.LOCK_EX)
    except OSError as error:
        raise HostError(
            builder.bin_dir,
            wanted=f"a directory that {builder.account.name} can write",
            found=str(error),
            remedy="Run with become: true, or choose another bin_dir.",
        )
    try:
        yield staging
    finally:
        with acting_as(builder.account):
            shutil.rmtree(staging, ignore_errors=True)
        os.close(held)


def _sweep(bin_dir: str) -> None:
    """Remove staging directories that nobody holds: a lock dies with its holder."""
    for entry in os.scandir(bin_dir):
        if not entry.name.startswith(_STAGING) or not entry.is_dir(follow_symlinks=False):
            continue
        if time.time() - entry.stat(follow_symlinks=False).st_mtime < _YOUNG:
            continue
        descriptor = os.open(entry.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(entry.path, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(descriptor)


def _flush(path: str) -> None:
    os.chmod(path, 0o755)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def newest_version(package: str, module: str | None, *, builder: Builder) -> str:
    """The newest version of the module that a package is in; without its path, the parents of the package are tried."""
    parts = package.split("/")
    candidates = [module] if module else ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    first = None
    for candidate in candidates:
        done = builder.command(["list", "-m", "-json", f"{candidate}@latest"])
        if done.rc == 0:
            return str(json.loads(done.out)["Version"])
        first = first or done
        if _cause(done.err)[0] not in ("version", "login", "unknown"):
            break
    raise failure(Job(package, "latest", ""), first or Completed(1, "", ""), builder=builder)


# What go says of each cause, the first that fits. The texts are of cmd/go 1.26.
_CAUSES = (
    ("checksum", r"checksum mismatch|SECURITY ERROR"),
    ("go", r"requires go >= (\S+)"),
    ("package", r"is not a main package|but does not contain package|no Go files in|is not in std"),
    ("replace", r"contains one or more replace directives|must not contain directives"),
    ("setting", r"invalid GOSUMDB|GOPROXY list|invalid proxy URL|parsing \$GOFLAGS|unknown flag"),
    (
        "version",
        r"no matching versions|unknown revision|invalid version|404 Not Found|410 Gone|reading file:.*no such file",
    ),
    ("login", r"40[13] (?:Unauthorized|Forbidden)"),
    (
        "network",
        r"dial tcp|i/o timeout|x509:|tls:|lookup |connection re|disabled by GOPROXY|reading https?://|EOF",
    ),
    ("disk", r"no space left on device|disk quota exceeded"),
)
_REMEDIES = {
    "checksum": "The module is not what the checksum database knows: do not use it; find the proxy that changed it.",
    "package": "Give the path of a package main; a program often stands in cmd/ of its module.",
    "replace": "Such a module cannot be installed by its version: ask its authors, or choose another version.",
    "setting": "Correct the setting with the module go_env.",
    "version": "Choose a version that the module has, and check the path; a private module needs GOPRIVATE.",
    "login": "Check the version, and the .netrc of the user who builds: the proxy does not give it to that user.",
    "network": "The way to the modules is open now: run again.",
    "disk": "Make room in the cache of the user who builds (go clean -cache) and in bin_dir.",
    "timeout": "Run again with a larger timeout: what was fetched and compiled is kept.",
    "missing": "Install Go first (role go_toolchain), or give the path of the go command.",
    "unknown": "See what go says; nothing was put in place.",
}


def failure(job: Job, done: Completed, *, builder: Builder) -> HostError:
    """What a go command that failed is worth telling."""
    cause, detail = _cause(done.err)
    if done.rc in (124, 137):
        cause, detail = "timeout", f"no end after {builder.timeout} seconds"
    elif done.rc in (126, 127):
        cause = "missing"
    lines = [line for line in done.err.strip().splitlines() if not line.startswith("go: downloading")]
    said = _hidden("\n".join(lines[-_LINES:]))
    remedy = _REMEDIES.get(cause, "")
    if cause == "go":
        remedy = f"Install Go {detail} or newer (role go_toolchain), or choose an older version of the tool."
    if cause == "network":
        problem = _network_problem(job, builder)
        if problem is not None:
            cause, said, remedy = (
                problem["kind"],
                f"{problem['subject']}: {problem['found']}",
                problem["remedy"],
            )
    return HostError(
        f"{job.package}@{job.version}",
        wanted="go to build it",
        found=f"{detail if cause == 'timeout' else cause}: {said or f'exit status {done.rc}'}",
        remedy=remedy,
    )


def _network_problem(job: Job, builder: Builder) -> dict[str, t.Any] | None:
    """What go_proxy_info finds, asked with the same settings; None when it finds nothing."""
    goroot = os.path.dirname(os.path.dirname(os.path.realpath(builder.go)))
    given = {name: str(value) for name, value in builder.environment.items()}
    variables = {**os.environ, **machine_environment(MACHINE_FILE), **given}
    params = {
        "module": job.package,
        "user": builder.account.name,
        "machine_file": os.devnull,  # it is among the variables, where those that were given count before it
        "goroot": goroot,
        "timeout": _PROBE_SECONDS,
    }
    try:
        report, dummy = read_go_proxy_info(params, environment=variables)
    except HostError:
        return None
    problem = first_problem(report)
    # A package need not be a module of its own, so its absence tells nothing.
    return None if problem is None or problem["kind"] == "not_found" else problem


def _cause(text: str) -> tuple[str, str]:
    for cause, pattern in _CAUSES:
        found = re.search(pattern, text)
        if found is not None:
            return cause, found.group(1) if found.groups() else ""
    return "unknown", ""


def _hidden(text: str) -> str:
    """Without names and passwords in URLs."""
    return re.sub(r"://[^/@\s]*@", "://", text)
