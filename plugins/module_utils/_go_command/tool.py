# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Compare installed programs, by their build information, with the requested ones, and plan builds."""

from __future__ import annotations

import os
import re
import typing as t

from .._account import Account, account_of, acting_as
from .._converge import Plan
from .._elf.file import FormatError, parse_elf
from .._elf.open_file import opened
from .._errors import HostError
from .._go_binary.buildinfo import BuildInfo, read_build_info
from .._run import Runner
from .goproxy import userinfo_of
from .tool_build import Builder, Job, build_and_place, newest_version

__all__ = ["plan_go_tools", "program_name"]

_PACKAGE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+(/[A-Za-z0-9._~+-]+)*")
_VERSION = re.compile(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+incompatible)?")
_LATEST = "latest"
_MAX_SEARCH = 1 << 28  # bytes of a program to search for its build information


class _Tool(t.NamedTuple):
    """A requested tool, and the program at its path now."""

    package: str
    module: str | None  # as the user gives it
    version: str | None  # None: to be removed
    path: str
    found: BuildInfo | None  # of the program at the path; None if there is no Go program

    def ours(self) -> bool:
        """Whether the program at the path is a build of the package."""
        return self.found is not None and self.found.package == self.package


def plan_go_tools(params: t.Mapping[str, t.Any], *, run: Runner) -> Plan:
    """Read the programs and decide what to build and remove, without changing anything.

    The network is only used to look up ``latest``.

    :param params: the options of go_tool
    :raises HostError: an option is not valid, another program is at a path, or ``latest`` cannot be looked up
    """
    account = account_of(params["user"])
    bin_dir = params["bin_dir"] or (
        os.path.join(account.home, "go", "bin") if params["user"] else "/usr/local/bin"
    )
    _refuse_passwords(params["environment"])
    builder = Builder(run, params["go"], account, bin_dir, params["environment"], params["timeout"])
    tools = [_tool(item, account, bin_dir) for item in params["tools"]]
    _refuse_duplicates(tools)
    warnings: list[str] = []
    tools = [_resolved(tool, builder, warnings) for tool in tools]
    go_version = _go_version(builder) if params["rebuild"] else None
    before = {tool.path: _state(tool, rebuild=go_version is not None) for tool in tools}
    after = {tool.path: _wanted(tool, before[tool.path], go_version) for tool in tools}
    jobs = [
        Job(tool.package, tool.version, tool.path)
        for tool in tools
        if tool.version is not None and before[tool.path] != after[tool.path]
    ]
    removed = [tool.path for tool in tools if tool.version is None and tool.ours()]

    def apply() -> dict[str, t.Any]:
        build_and_place(jobs, builder=builder, check=_refuse_other)
        with acting_as(account):
            for path in removed:
                os.unlink(path)
        return {}

    result = {"tools": {tool.path: {"package": tool.package, "version": tool.version} for tool in tools}}
    return Plan(before, after, apply, result, warnings)


def program_name(package: str) -> str:
    """The file name that `go install` gives a package: the last element of its path that is not a major version."""
    *parents, last = package.split("/")
    return parents[-1] if parents and re.fullmatch(r"v[2-9]|v[1-9]\d+", last) else last


def _tool(item: t.Mapping[str, t.Any], account: Account, bin_dir: str) -> _Tool:
    package, version = item["package"], item["version"]
    if _PACKAGE.fullmatch(package) is None or ".." in package.split("/"):
        raise HostError(
            f"package {package}",
            wanted="the import path of a program, such as golang.org/x/tools/gopls",
            found=package or "nothing",
            remedy="Write only the path. The version belongs to `version`.",
        )
    absent = item["state"] == "absent"
    if not absent and version != _LATEST and (version is None or _VERSION.fullmatch(version) is None):
        raise HostError(
            f"package {package}",
            wanted="a full version, such as v1.2.3, or latest",
            found=version or "none",
            remedy="Write it with v and three numbers. A shorter one is a query whose result changes over time.",
        )
    path = os.path.join(bin_dir, program_name(package))
    with acting_as(account):
        found = _read(path)
    tool = _Tool(package, item["module"], None if absent else version, path, found)
    if not absent:
        _refuse_foreign(tool)
    return tool


def _read(path: str) -> BuildInfo | None:
    """The build information of a program, or None if there is no file, or if Go did not build it."""
    try:
        with opened(path) as file:
            return read_build_info(parse_elf(file.read), at_most=_MAX_SEARCH)
    except (OSError, FormatError):
        return None


def _refuse_foreign(tool: _Tool) -> None:
    if os.path.lexists(tool.path) and not tool.ours():
        raise HostError(
            tool.path,
            wanted=f"nothing, or a build of {tool.package}",
            found=f"a build of {tool.found.package or 'another program'}"
            if tool.found is not None
            else "a file without build information of Go",
            remedy="Left unchanged, because this module did not install it. Move it away, or choose another `bin_dir`.",
        )


def _refuse_other(path: str, job: Job) -> None:
    """Check that a program is the requested one, before it is put in place.

    :raises HostError: it is another package or version
    """
    info = _read(path)
    found = (info.package, info.main.version if info.main is not None else "") if info is not None else None
    if found != (job.package, job.version):
        raise HostError(
            f"{job.package}@{job.version}",
            wanted=f"a program with the build information {job.package} {job.version}",
            found="one with {} {}".format(*found) if found else "no Go program",
            remedy="Nothing was installed. Write the path of the package, and a version of the module that it is in.",
        )


def _refuse_passwords(environment: t.Mapping[str, t.Any]) -> None:
    """Refuse passwords in URLs, because Ansible writes the options of a module to the log of the host."""
    for name, value in environment.items():
        if userinfo_of(str(value)):
            raise HostError(
                f"environment: {name}",
                wanted="no password in a URL",
                found="a password",
                remedy="Put it into .netrc of the user who builds, with mode 0600.",
            )


def _refuse_duplicates(tools: list[_Tool]) -> None:
    paths = [tool.path for tool in tools]
    for tool in tools:
        if paths.count(tool.path) > 1:
            raise HostError(
                tool.path,
                wanted="one tool of that name",
                found=", ".join(other.package for other in tools if other.path == tool.path),
                remedy="Install one of them into another `bin_dir`.",
            )


def _resolved(tool: _Tool, builder: Builder, warnings: list[str]) -> _Tool:
    """Replace ``latest`` by the newest version, or by the installed one if the lookup fails."""
    if tool.version != _LATEST:
        return tool
    main = tool.found.main if tool.found is not None else None
    try:
        return tool._replace(
            version=newest_version(
                tool.package, tool.module or (main.path if main else None), builder=builder
            )
        )
    except HostError as error:
        if main is None:
            raise
        warnings.append(
            f"latest stays {main.version}, the installed version, because the lookup failed: {error}"
        )
        return tool._replace(version=main.version)


def _state(tool: _Tool, *, rebuild: bool) -> dict[str, t.Any] | None:
    if tool.found is None or not tool.ours():
        return None
    state: dict[str, t.Any] = {
        "package": tool.package,
        "version": tool.found.main.version if tool.found.main is not None else None,
    }
    return {**state, "go": tool.found.go_version} if rebuild else state


def _wanted(tool: _Tool, before: dict[str, t.Any] | None, go_version: str | None) -> dict[str, t.Any] | None:
    if tool.version is None:
        return None
    state = {"package": tool.package, "version": tool.version}
    return {**state, "go": go_version} if go_version is not None else state


def _go_version(builder: Builder) -> str | None:
    """The version of the Go that builds, from the file VERSION of its tree or else from `go env`.

    None if there is no go yet, as in check mode before it is installed. A build then fails.
    """
    path = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(builder.go))), "VERSION")
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readline(128).strip()
    except OSError:
        done = builder.command(["env", "GOVERSION"])
        return done.out.strip() if done.rc == 0 else None
