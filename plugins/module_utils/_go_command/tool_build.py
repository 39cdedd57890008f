# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Build programs with `go install` in a staging directory, check them and rename them into place."""

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
_MIN_AGE = 60  # seconds; a newer staging directory may not be locked yet
_MAX_LINES = 12  # of the output of go that an error repeats


class Job(t.NamedTuple):
    """A program to build."""

    package: str
    version: str
    path: str  # of the program when it is installed


class Builder(t.NamedTuple):
    """How programs are built."""

    run: Runner
    go: str  # path of the go command
    account: Account  # who builds and owns the programs
    bin_dir: str
    environment: t.Mapping[str, str]  # as the user gives it
    timeout: int  # seconds for one command

    def command(self, arguments: list[str], *, gobin: str = "") -> Completed:
        """Run the go command as the user who builds, in that user's home, with the timeout.

        :param gobin: the directory for `go install`
        """
        argv = ["env", "-C", self.account.home, "timeout", "-k", "10", str(self.timeout), self.go, *arguments]
        environment = {
            **machine_environment(MACHINE_FILE),
            # Build with this release, not with one that a module asks for.
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
            # Unset variables of the user who runs the module: they are not those of the user who builds.
            environment.update(
                dict.fromkeys(("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "GOPATH", "GOCACHE", "GOENV"), "")
            )
        return self.run(argv, env=environment)


def build_and_place(jobs: list[Job], *, builder: Builder, check: t.Callable[[str, Job], None]) -> None:
    """Build all programs, then put each in place by a rename. If one fails to build, nothing is changed.

    :param check: called with the path of each built program; raises HostError for a wrong one
    :raises HostError: a program cannot be built, or the directory cannot be written
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
    """Create a staging directory in ``bin_dir``, and remove it at the end. Also remove those of killed runs."""
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
            remedy="Run with `become: true`, or choose another `bin_dir`.",
        )
    try:
        yield staging
    finally:
        with acting_as(builder.account):
            shutil.rmtree(staging, ignore_errors=True)
        os.close(held)


def _sweep(bin_dir: str) -> None:
    """Remove staging directories that no process has locked. A lock ends with its process."""
    for entry in os.scandir(bin_dir):
        if not entry.name.startswith(_STAGING) or not entry.is_dir(follow_symlinks=False):
            continue
        if time.time() - entry.stat(follow_symlinks=False).st_mtime < _MIN_AGE:
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
    """Look up the newest version of the module that a package is in.

    :param module: the path of the module; without it, the package and its parents are tried
    :raises HostError: no module is found, or the proxy cannot be reached
    """
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


# What go prints for each cause, from cmd/go 1.26. The first that matches counts.
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
    "checksum": "The module differs from the checksum database. Do not use it, and find the proxy that changed it.",
    "package": "Write the path of a main package. A program is often in cmd/ of its module.",
    "replace": "Such a module cannot be installed by its version. Ask its authors, or choose another version.",
    "setting": "Correct the setting with the module go_env.",
    "version": "Choose a version that the module has, and check the path. A private module needs GOPRIVATE.",
    "login": "The proxy refuses the user who builds. Check the version and the .netrc of that user.",
    "network": "The modules can be reached now. Run again.",
    "disk": "Free space in the cache of the user who builds (go clean -cache) and in `bin_dir`.",
    "timeout": "Run again with a larger `timeout`. Downloads and compiled packages are kept.",
    "missing": "Install Go first (role go_toolchain), or correct `go`.",
    "unknown": "See the output of go. Nothing was installed.",
}


def failure(job: Job, done: Completed, *, builder: Builder) -> HostError:
    """The error for a go command that failed, with its cause and what to do."""
    cause, detail = _cause(done.err)
    if done.rc in (124, 137):
        cause, detail = "timeout", f"not finished after {builder.timeout} seconds"
    elif done.rc in (126, 127):
        cause = "missing"
    lines = [line for line in done.err.strip().splitlines() if not line.startswith("go: downloading")]
    output = _redacted("\n".join(lines[-_MAX_LINES:]))
    remedy = _REMEDIES.get(cause, "")
    if cause == "go":
        remedy = f"Install Go {detail} or newer (role go_toolchain), or choose an older version of the tool."
    if cause == "network":
        problem = _network_problem(job, builder)
        if problem is not None:
            cause, output, remedy = (
                problem["kind"],
                f"{problem['subject']}: {problem['found']}",
                problem["remedy"],
            )
    return HostError(
        f"{job.package}@{job.version}",
        wanted="a program that go can build",
        found=f"{detail if cause == 'timeout' else cause}: {output or f'exit status {done.rc}'}",
        remedy=remedy,
    )


def _network_problem(job: Job, builder: Builder) -> dict[str, t.Any] | None:
    """The problem that go_proxy_info finds with the same settings, or None if it finds none."""
    goroot = os.path.dirname(os.path.dirname(os.path.realpath(builder.go)))
    given = {name: str(value) for name, value in builder.environment.items()}
    variables = {**os.environ, **machine_environment(MACHINE_FILE), **given}
    params = {
        "module": job.package,
        "user": builder.account.name,
        "machine_file": os.devnull,  # already among the variables, where those of the user take precedence
        "goroot": goroot,
        "timeout": _PROBE_SECONDS,
    }
    try:
        report, dummy = read_go_proxy_info(params, environment=variables)
    except HostError:
        return None
    problem = first_problem(report)
    # A package is often not a module of its own, so not_found is no problem here.
    return None if problem is None or problem["kind"] == "not_found" else problem


def _cause(text: str) -> tuple[str, str]:
    """The cause of a failure by the output of go, and a detail such as the version that is required."""
    for cause, pattern in _CAUSES:
        found = re.search(pattern, text)
        if found is not None:
            return cause, found.group(1) if found.groups() else ""
    return "unknown", ""


def _redacted(text: str) -> str:
    """A text without users and passwords in URLs."""
    return re.sub(r"://[^/@\s]*@", "://", text)
