# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs by the real `go install`, out of modules that a directory serves as a proxy."""

from __future__ import annotations

import fcntl
import os
import pathlib
import shutil
import stat
import subprocess
import typing as t
import zipfile

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._account import Account, account_of
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command import tool_build
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.tool import (
    plan_go_tools,
    program_name,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.tool_build import (
    Builder,
    Job,
    failure,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed

GO = shutil.which("go") or "go"
PACKAGE = "example.com/greet/cmd/hello"
MAIN = 'package main\n\nfunc main() { println("hello") }\n'
FILES = {
    "cmd/hello/main.go": MAIN,
    "cmd/fresh/main.go": MAIN,
    "cmd/broken/main.go": "package main\n\nfunc main() { nothing() }\n",
    "lib/l.go": "package lib\n",
}


def run(argv: list[str], *, stdin: str | None = None, env: t.Mapping[str, str] | None = None) -> Completed:
    done = subprocess.run(
        argv, input=stdin, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    return Completed(done.returncode, done.stdout, done.stderr)


def never(argv: list[str], **dummy: t.Any) -> Completed:
    raise AssertionError(f"ran {argv}")


@pytest.fixture(scope="session")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A module in two versions, and one for a Go that nobody has."""
    root = tmp_path_factory.mktemp("proxy")
    for module, version, go in (
        ("example.com/greet", "v1.0.0", "1.20"),
        ("example.com/greet", "v1.1.0", "1.20"),
        ("example.com/new", "v1.0.0", "1.99.0"),
    ):
        place = root / module / "@v"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{version}.info").write_text(f'{{"Version": "{version}"}}')
        (place / f"{version}.mod").write_text(f"module {module}\n\ngo {go}\n")
        with zipfile.ZipFile(place / f"{version}.zip", "w") as archive:
            for name, text in {**FILES, "go.mod": f"module {module}\n\ngo {go}\n"}.items():
                archive.writestr(f"{module}@{version}/{name}", text)
        with (place / "list").open("a") as file:
            file.write(f"{version}\n")
    return f"file://{root}"


@pytest.fixture
def options(tmp_path: pathlib.Path, proxy: str) -> t.Callable[..., dict[str, t.Any]]:
    def make(*tools: dict[str, t.Any], **given: t.Any) -> dict[str, t.Any]:
        item = {"package": PACKAGE, "version": "v1.0.0", "module": None, "state": "present"}
        environment = {
            "GOPROXY": proxy, "GONOSUMDB": "example.com", "GOMODCACHE": str(tmp_path / "mod"), "GOENV": "off",
            "GOFLAGS": "-trimpath -modcacherw",
        }  # fmt: skip
        default = {"user": None, "bin_dir": str(tmp_path / "bin"), "go": GO, "rebuild": False, "timeout": 120}
        return {
            "tools": [{**item, **tool} for tool in tools or ({},)],
            "environment": environment,
            **default,
            **given,
        }

    return make


Options = t.Callable[..., t.Dict[str, t.Any]]


def version_there(path: pathlib.Path) -> str:
    done = subprocess.run([GO, "version", "-m", str(path)], capture_output=True, text=True, check=True)
    return next(line.split()[2] for line in done.stdout.splitlines() if line.strip().startswith("mod"))


def test_installed_changed_and_removed(options: Options, tmp_path: pathlib.Path) -> None:
    program = tmp_path / "bin" / "hello"
    plan_go_tools(options(), run=run).apply()
    assert version_there(program) == "v1.0.0"
    assert stat.S_IMODE(program.stat().st_mode) == 0o755
    again = plan_go_tools(options(), run=never)
    assert again.before == again.after

    newer = plan_go_tools(options({"version": "v1.1.0"}), run=run)
    assert version_there(program) == "v1.0.0"
    newer.apply()
    assert version_there(program) == "v1.1.0"

    gone = plan_go_tools(options({"state": "absent", "version": None}), run=never)
    assert (gone.before[str(program)]["version"], gone.after[str(program)]) == ("v1.1.0", None)
    gone.apply()
    assert list((tmp_path / "bin").iterdir()) == []
    nothing = plan_go_tools(options({"state": "absent", "version": None}), run=never)
    assert nothing.before == nothing.after


def test_leftovers_of_killed_runs_are_removed_and_locked_ones_stay(
    options: Options, tmp_path: pathlib.Path
) -> None:
    left, held, young = (tmp_path / "bin" / f".go_tool-{name}" for name in ("left", "held", "young"))
    for path in (left, held, young):
        path.mkdir(parents=True)
        (path / "hello").touch()
    for path in (left, held):
        os.utime(path, (0, 0))
    descriptor = os.open(held, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    plan_go_tools(options(), run=run).apply()
    os.close(descriptor)
    assert {path.name for path in (tmp_path / "bin").iterdir()} == {"hello", held.name, young.name}


def test_latest_is_looked_up_and_stays_when_the_lookup_fails(options: Options) -> None:
    latest = {"version": "latest"}
    plan = plan_go_tools(options(latest), run=run)
    ((dummy, tool),) = plan.result["tools"].items()
    assert tool["version"] == "v1.1.0"
    plan.apply()
    offline = options(latest)
    offline["environment"]["GOPROXY"] = "off"
    plan = plan_go_tools(offline, run=run)
    assert plan.before == plan.after
    assert "latest stays v1.1.0" in plan.warnings[0]


def test_latest_of_a_missing_tool_must_be_looked_up(options: Options) -> None:
    offline = options({"version": "latest"})
    offline["environment"]["GOPROXY"] = "off"
    with pytest.raises(HostError):
        plan_go_tools(offline, run=run)


def test_rebuilt_for_another_version_of_go(options: Options, tmp_path: pathlib.Path) -> None:
    plan_go_tools(options(), run=run).apply()
    tree = tmp_path / "go"
    (tree / "bin").mkdir(parents=True)
    same = plan_go_tools(options(rebuild=True), run=run)
    assert same.before == same.after
    (tree / "bin" / "go").touch()
    (tree / "VERSION").write_text("go1.99.0\ntime x\n")
    other = plan_go_tools(options(rebuild=True, go=str(tree / "bin" / "go")), run=never)
    assert [state["go"] for state in other.after.values()] == ["go1.99.0"]
    assert other.before != other.after
    (tree / "VERSION").unlink()
    none = plan_go_tools(options(rebuild=True, go=str(tree / "bin" / "go")), run=run)
    assert none.before == none.after


@pytest.mark.parametrize(
    ("tool", "found", "remedy"),
    [
        ({"version": "v9.9.9"}, "version", "Choose a version"),
        ({"package": "example.com/nobody/x"}, "version", "private module"),
        ({"package": "example.com/greet/lib"}, "package", "main package"),
        ({"package": "example.com/greet/cmd/none"}, "package", "main package"),
        ({"package": "example.com/greet/cmd/broken"}, "unknown", "Nothing was installed"),
        ({"package": "example.com/new/cmd/fresh"}, "go", "Install Go 1.99.0"),
    ],
)
def test_a_failed_build_has_a_cause_and_changes_nothing(
    options: Options, tmp_path: pathlib.Path, tool: dict[str, t.Any], found: str, remedy: str
) -> None:
    plan_go_tools(options(), run=run).apply()
    # A tool that can be built too, so that a change is left undone.
    others = [{"version": "v1.1.0"}] if "package" in tool else []
    plan = plan_go_tools(options(*others, tool), run=run)
    with pytest.raises(HostError) as caught:
        plan.apply()
    assert caught.value.found.startswith(f"{found}:")
    assert remedy in caught.value.remedy
    assert [path.name for path in (tmp_path / "bin").iterdir()] == ["hello"]
    assert version_there(tmp_path / "bin" / "hello") == "v1.0.0"


def test_a_missing_go(options: Options) -> None:
    with pytest.raises(HostError, match="Install Go first"):
        plan_go_tools(options(go="/nonexistent/go"), run=run).apply()


@pytest.mark.parametrize("content", [b"#!/bin/sh\n", b"", None])
def test_other_programs_are_left_unchanged(
    options: Options, tmp_path: pathlib.Path, content: bytes | None
) -> None:
    program = tmp_path / "bin" / "hello"
    program.parent.mkdir()
    if content is None:
        program.mkdir()
    else:
        program.write_bytes(content)
    with pytest.raises(HostError, match="this module did not install it"):
        plan_go_tools(options(), run=never)
    absent = plan_go_tools(options({"state": "absent", "version": None}), run=never)
    assert absent.before == absent.after


@pytest.mark.parametrize(
    "tool",
    [
        {"version": "v1"},
        {"version": "1.0.0"},
        {"version": "main"},
        {"version": "v1.0.0 -toolexec=x"},
        {"package": "hello"},
        {"package": "../hello"},
        {"package": "example.com/../x"},
        {"package": "example.com/x@v1"},
        {"package": "-modfile=x"},
    ],
)
def test_refused_before_anything_runs(options: Options, tool: dict[str, t.Any]) -> None:
    with pytest.raises(HostError):
        plan_go_tools(options(tool), run=never)


def test_a_password_is_refused_and_not_shown(options: Options) -> None:
    given = options()
    given["environment"]["GOPROXY"] = "https://me:s3cret@goproxy.example"
    with pytest.raises(HostError, match="netrc") as caught:
        plan_go_tools(given, run=never)
    assert "s3cret" not in str(caught.value)


def test_two_tools_with_one_name(options: Options) -> None:
    with pytest.raises(HostError, match="one tool of that name"):
        plan_go_tools(options({}, {"package": "example.org/hello"}), run=never)


@pytest.mark.parametrize(
    ("package", "name"),
    [("a.b/c", "c"), ("a.b/c/v2", "c"), ("a.b/c/v12", "c"), ("a.b/c/v1", "v1"), ("a.b/v2/c", "c")],
)
def test_program_name(package: str, name: str) -> None:
    assert program_name(package) == name


@pytest.mark.parametrize(
    ("done", "found", "remedy"),
    [
        (Completed(1, "", "verifying x@v1: checksum mismatch\nSECURITY ERROR"), "checksum", "Do not use it"),
        (Completed(1, "", "go: invalid GOSUMDB: malformed verifier id"), "setting", "go_env"),
        (Completed(1, "", "write /x: no space left on device"), "disk", "Free space"),
        (
            Completed(1, "", "go: the go.mod file contains one or more replace directives"),
            "replace",
            "authors",
        ),
        (Completed(1, "", "reading https://goproxy.example/x: 403 Forbidden"), "login", ".netrc"),
        (Completed(124, "", ""), "not finished after 7 seconds", "larger `timeout`"),
        (Completed(127, "", ""), "missing", "Install Go"),
        (Completed(3, "", ""), "unknown: exit status 3", "See the output of go"),
    ],
)
def test_causes(done: Completed, found: str, remedy: str) -> None:
    error = failure(Job("a.b/c", "v1.0.0", "/x"), done, builder=builder())
    assert error.found.startswith(found)
    assert remedy in error.remedy


def builder(**environment: str) -> Builder:
    account = Account("me", os.geteuid(), os.getegid(), "/")
    return Builder(run, GO, account, "/nonexistent", environment, 7)


def test_no_password_is_shown() -> None:
    text = "go: reading https://me:s3cret@goproxy.example/x: 403 Forbidden"
    assert "s3cret" not in str(
        failure(Job("a.b/c", "v1.0.0", "/x"), Completed(1, "", text), builder=builder())
    )


def test_network_problems_are_diagnosed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_build, "MACHINE_FILE", "/nonexistent")
    account = account_of(None)
    proxies = {"GOPROXY": "http://127.0.0.1:1", "GOSUMDB": "sum.golang.org"}
    done = Completed(1, "", "dial tcp 127.0.0.1:1: connect: connection refused")
    error = failure(Job("a.b/c", "v1.0.0", "/x"), done, builder=builder(**proxies)._replace(account=account))
    assert error.found.startswith("refused: http://127.0.0.1:1: ")
    assert "Nothing listens there" in error.remedy
