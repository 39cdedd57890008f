# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""go.work as the real go command takes it, and what is refused."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.workspace import plan_workspace
from ansible_collections.gofleet.hosts.plugins.module_utils._run import Completed

GO = shutil.which("go") or "go"
REPLACE = {"module": "example.com/x", "version": None, "with": "./forks/x", "with_version": None}


def run(argv: list[str], *, stdin: str | None = None, env: t.Mapping[str, str] | None = None) -> Completed:
    done = subprocess.run(
        argv, input=stdin, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    return Completed(done.returncode, done.stdout, done.stderr)


def never(argv: list[str], **dummy: t.Any) -> Completed:
    raise AssertionError(f"ran {argv}")


@pytest.fixture
def sources(tmp_path: pathlib.Path) -> pathlib.Path:
    root = tmp_path.resolve()
    for name, go in (("api", "1.24"), ("server", "1.25.0"), ("with blank", "1.20"), ("forks/x", "1.20")):
        (root / name).mkdir(parents=True)
        module = name.replace(" ", "_").replace("forks/", "")
        (root / name / "go.mod").write_text(f"module example.com/{module}\n\ngo {go}\n")
    return root


def options(root: pathlib.Path, **given: t.Any) -> dict[str, t.Any]:
    default = {"go_version": None, "toolchain": None, "replace": [], "go": GO, "state": "present"}
    return {"path": str(root), "modules": ["./api", "server"], **default, **given}


def apply(root: pathlib.Path, **given: t.Any) -> str:
    plan_workspace(options(root, **given), run=run).apply()
    return (root / "go.work").read_text()


def test_the_same_file_as_go_work_writes(sources: pathlib.Path) -> None:
    text = apply(
        sources,
        modules=["api", "server", "with blank"],
        toolchain="go1.26.1",
        replace=[REPLACE],
        go_version="1.25.1",
    )
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    done = subprocess.run(
        [GO, "work", "edit", "-json"],
        cwd=sources,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    known = json.loads(done.stdout)
    assert known["Go"] == "1.25.1"
    assert "\ntoolchain go1.26.1\n" in text
    assert sorted(use["DiskPath"] for use in known["Use"]) == ["./api", "./server", "./with blank"]
    assert known["Replace"] == [{"Old": {"Path": "example.com/x"}, "New": {"Path": "./forks/x"}}]
    subprocess.run([GO, "work", "edit", "-fmt"], cwd=sources, env=environment, check=True)
    assert (sources / "go.work").read_text() == text


def test_idempotent_without_a_command(sources: pathlib.Path) -> None:
    apply(sources)
    plan = plan_workspace(options(sources), run=never)
    assert plan.before == plan.after
    assert plan.result["go_version"] == "1.25.0"
    assert plan.result["modules"] == ["./api", "./server"]


def test_planning_writes_nothing(sources: pathlib.Path) -> None:
    before = sorted(sources.rglob("*"))
    plan = plan_workspace(options(sources), run=run)
    assert plan.before != plan.after
    assert sorted(sources.rglob("*")) == before


def test_one_module_and_the_directory_itself(sources: pathlib.Path) -> None:
    assert "\nuse .\n" in apply(sources / "api", modules=["."])
    assert "\nuse ../server\n" in apply(sources / "api", modules=["../server"])


@pytest.mark.parametrize("mine", [True, False])
def test_absent_removes_what_we_wrote(sources: pathlib.Path, mine: bool) -> None:
    apply(sources)
    if not mine:
        (sources / "go.work").write_text("go 1.25.0\n")
    plan = plan_workspace(options(sources, state="absent"), run=never)
    assert (plan.before != plan.after) is mine
    if mine:
        plan.apply()
    assert (sources / "go.work").exists() is not mine


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"modules": ["nowhere"]}, "no such file"),
        ({"modules": ["linked"]}, "a link that leads to"),
        ({"modules": ["api", 'quo"te']}, "a quote"),
        ({"go_version": "1.24.0"}, "1.24.0"),
        ({"go_version": "yesterday"}, "yesterday"),
        ({"go_version": "1.99.0"}, "1.99"),
        ({"toolchain": "yesterday"}, "yesterday"),
        ({"modules": ["api", "twin"]}, "example.com/api"),
        ({"modules": ["broken"]}, "go.mod"),
        ({"replace": [{**REPLACE, "with": "forks/x"}]}, "forks/x"),
        ({"replace": [{**REPLACE, "with_version": "v1.0.0"}]}, "v1.0.0"),
        ({"replace": [{**REPLACE, "with": "./nowhere\nuse x"}]}, "nowhere"),
        ({"path": "/nonexistent"}, "no directory"),
        ({"go": "/nonexistent/go"}, "nonexistent"),
    ],
)
def test_invalid_workspaces_are_refused_and_nothing_is_written(
    sources: pathlib.Path, given: dict[str, t.Any], found: str
) -> None:
    (sources / "linked").symlink_to("api")
    shutil.copytree(sources / "api", sources / "twin")
    (sources / "broken").mkdir()
    (sources / "broken/go.mod").write_text("nonsense\n")
    with pytest.raises(HostError) as caught:
        plan_workspace(options(sources, **given), run=run)
    assert found in caught.value.found
    assert not (sources / "go.work").exists()


def test_a_directory_that_cannot_be_written(sources: pathlib.Path) -> None:
    plan = plan_workspace(options(sources), run=run)
    shutil.rmtree(sources)
    sources.write_text("a file")
    with pytest.raises(HostError, match="become_user"):
        plan.apply()
