# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Write go.work like `go work` does, after the go command has accepted a copy of it."""

from __future__ import annotations

import os
import re
import tempfile
import typing as t

from .._atomic import read_text, write_text
from .._converge import Plan
from .._errors import HostError
from .._go_toolchain.index import sort_key
from .._run import Runner

__all__ = ["plan_workspace", "workspace_text"]

_MARK = "// Written by gofleet.hosts.go_workspace."
_OLDEST = "1.18"  # the first Go with workspaces; a go.work without a go line means this version
_PLAIN = re.compile(r"[A-Za-z0-9._~/@+=:-]+")
_REFUSED = re.compile(r"[\"'`\\\x00-\x1f\x7f]")
_GO_LINE = re.compile(r"^go[ \t]+(\S+)", re.MULTILINE)
_SECONDS = "60"


class _Wanted(t.NamedTuple):
    directory: str
    modules: list[str]  # absolute paths
    go_version: str
    toolchain: str | None
    replace: list[t.Mapping[str, t.Any]]


def plan_workspace(params: t.Mapping[str, t.Any], *, run: Runner) -> Plan:
    """Read go.work and the go.mod of each module, and have go check a changed workspace.

    :param params: the options of go_workspace
    :raises HostError: an option is not valid, a module is missing, or go refuses the workspace
    """
    directory = os.path.realpath(params["path"])
    path = os.path.join(directory, "go.work")
    text = read_text(path)
    if params["state"] == "absent":
        ours = text is not None and text.startswith(_MARK)
        return _plan(path, text, None if ours else text, {"path": path, "modules": [], "go_version": None})
    wanted = _wanted(directory, params)
    after = workspace_text(wanted)
    if after != text:
        _check(wanted, go=params["go"], run=run)
    modules = [_relative(module, directory) for module in wanted.modules]
    return _plan(path, text, after, {"path": path, "modules": modules, "go_version": wanted.go_version})


def _plan(path: str, text: str | None, after: str | None, result: dict[str, t.Any]) -> Plan:
    def apply() -> dict[str, t.Any]:
        try:
            if after is None:
                os.unlink(path)
            else:
                write_text(path, after)
        except OSError as error:
            raise HostError(
                path,
                wanted="a file that can be written",
                found=str(error),
                remedy="Run as the owner of the directory (`become_user`).",
            )
        return {}

    return Plan({path: text}, {path: after}, apply, result)


def _wanted(directory: str, params: t.Mapping[str, t.Any]) -> _Wanted:
    if not os.path.isdir(directory):
        raise HostError(
            params["path"],
            wanted="a directory for go.work",
            found="no directory",
            remedy="Check out the sources first.",
        )
    modules = {os.path.normpath(os.path.join(directory, name)) for name in params["modules"]}
    versions = [_OLDEST, *(_go_line(module) for module in modules)]
    # For the go command, 1.26 is older than 1.26.0.
    highest = max(versions, key=lambda version: (sort_key(version), version.count(".")))
    given = params["go_version"]
    if given is not None and (sort_key(given) < sort_key(highest)):
        raise HostError(
            "go_version",
            wanted=f"at least the highest version of the modules ({highest})",
            found=given,
            remedy="Omit `go_version` to use the highest version of the modules.",
        )
    for item in params["replace"]:
        _check_replace(item)
    return _Wanted(directory, sorted(modules), given or highest, params["toolchain"], params["replace"])


def _go_line(module: str) -> str:
    """The Go version in the go line of a module's go.mod.

    :raises HostError: the directory cannot be part of a workspace, or has no go.mod
    """
    path = os.path.join(module, "go.mod")
    if _REFUSED.search(module):
        raise HostError(
            module, wanted="a path that go.work can contain", found="a quote, backslash or control character in it",
            remedy="Move the module to another directory.",
        )  # fmt: skip
    if os.path.realpath(module) != module:
        raise HostError(
            module,
            wanted="the path of a module without symbolic links",
            found=f"a link that leads to {os.path.realpath(module)}",
            remedy="Use that path. The go command does not follow links to modules.",
        )
    try:
        text = read_text(path)
    except OSError as error:
        text = None
        found = str(error)
    else:
        found = "no such file"
    if text is None:
        raise HostError(
            path,
            wanted="the go.mod of a module",
            found=found,
            remedy="Check out the sources first, or correct `modules`.",
        )
    line = _GO_LINE.search(text)
    return line.group(1) if line is not None else _OLDEST


def _check_replace(item: t.Mapping[str, t.Any]) -> None:
    texts = [str(item[key]) for key in ("module", "version", "with", "with_version") if item[key] is not None]
    local = item["with"].startswith(("./", "../", "/"))
    if any(_REFUSED.search(text) or not text for text in texts) or local == (
        item["with_version"] is not None
    ):
        raise HostError(
            f"replace {item['module']}",
            wanted="a directory (starting with ./, ../ or /) in `with`, or a module path together with `with_version`",
            found=f"with {item['with']}"
            + (f" and with_version {item['with_version']}" if item["with_version"] is not None else ""),
            remedy="Correct this entry of `replace`.",
        )


def workspace_text(wanted: _Wanted, *, absolute: bool = False) -> str:
    """The text of go.work, formatted like `go work` does.

    :param absolute: use absolute paths, so that the file means the same in another directory
    """
    directory = wanted.directory
    lines = [_MARK, "", f"go {wanted.go_version}"]
    if wanted.toolchain is not None:
        lines += ["", f"toolchain {wanted.toolchain}"]
    uses = sorted(_quoted(module if absolute else _relative(module, directory)) for module in wanted.modules)
    if len(uses) == 1:
        lines += ["", f"use {uses[0]}"]
    elif uses:
        lines += ["", "use (", *(f"\t{use}" for use in uses), ")"]
    for item in wanted.replace:
        left = " ".join(filter(None, (_quoted(item["module"]), item["version"])))
        target = item["with"]
        if absolute and target.startswith("."):
            target = os.path.normpath(os.path.join(directory, target))
        right = " ".join(filter(None, (_quoted(target), item["with_version"])))
        lines += ["", f"replace {left} => {right}"]
    return "\n".join(lines) + "\n"


def _relative(module: str, directory: str) -> str:
    path = os.path.relpath(module, directory)
    return path if path.startswith("..") or path == "." else f"./{path}"


def _quoted(text: str) -> str:
    plain = _PLAIN.fullmatch(text) is not None and "//" not in text
    return text if plain else f'"{text}"'


def _check(wanted: _Wanted, *, go: str, run: Runner) -> None:
    """Have go load the workspace from a copy in another directory, without network and without another release.

    :raises HostError: go is missing, or refuses the workspace
    """
    with tempfile.TemporaryDirectory(prefix="go_workspace-") as directory:
        copy = os.path.join(directory, "go.work")
        write_text(copy, workspace_text(wanted, absolute=True))
        environment = {
            "GOWORK": copy,
            "GOPROXY": "off",
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "",
            "GOENV": "off",
        }
        done = run(["env", "-C", directory, "timeout", _SECONDS, go, "list", "-m"], env=environment)
        output = done.err.replace(f"{directory}/", "").strip()
    if done.rc == 127:
        raise HostError(
            go,
            wanted="the go command, to check go.work before it is written",
            found=output or "no such command",
            remedy="Install Go first (role go_toolchain), or correct `go`.",
        )
    if done.rc != 0:
        raise HostError(
            os.path.join(wanted.directory, "go.work"),
            wanted="a workspace that go accepts",
            found=output or f"exit status {done.rc}",
            remedy="Correct the modules or the options. Nothing was written.",
        )
