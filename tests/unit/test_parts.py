# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the runner of the parts shows at its end, and what it runs."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import re
import shlex
import subprocess
import sys
import types
import typing as t

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
TESTS = """
import time, pytest

@pytest.fixture
def slow():
    time.sleep(0.3)
    yield
    time.sleep(0.2)

def test_slow(slow): pass
def test_quick(): pass
@pytest.mark.xfail
def test_fails(): assert 0
"""
MOLECULE = """
import sys, time
for line in ("default ➜ create: Executing", "default ➜ create: Executed: Successful", "WARNING x",
             "site ➜ verify: Executing", "pause", "site ➜ verify: Executed: Successful"):
    time.sleep(0.6 if line == "pause" else 0)
    print("\\x1b[34mINFO\\x1b[0m     " + line, file=sys.stderr, flush=True)
"""


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("parts", CHECKOUT / "tests" / "parts.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "parts", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(
    parts: types.ModuleType, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> t.Callable[..., tuple[int, str]]:
    """Run steps as the parts of a suite, and return the status and the output."""

    def run(*arguments: str, **steps: list[str]) -> tuple[int, str]:
        monkeypatch.setattr(parts, "PARTS", {name: [parts.Step(argv)] for name, argv in steps.items()})
        monkeypatch.setattr(parts, "LONG", {"long-molecule": [parts.Step(["true"])]})
        status = parts.main([*arguments, *steps])
        return status, capfdbinary.readouterr().out.decode()

    return run


def test_names_are_those_of_the_makefile(parts: types.ModuleType) -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    for name, known in (("PARTS", parts.PARTS), ("LONG", parts.LONG)):
        found = re.search(rf"^{name} := (.*)$", makefile, re.MULTILINE)
        assert found
        assert found[1].split() == list(known)


def test_costs_of_parts_scenarios_and_tests(
    run: t.Callable[..., tuple[int, str]], tmp_path: pathlib.Path
) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}"]
    status, output = run(
        unit=[*pytest_, str(tmp_path)],
        spread=[*pytest_, "-n", "1", str(tmp_path)],
        molecule=[sys.executable, "-c", MOLECULE],
    )
    assert status == 0, output
    report = output[output.index("scenarios of Molecule:") :].splitlines()
    # The other scenario ended at once, so it is not shown.
    assert re.fullmatch(r"site +1 s  \(verify 1\)", report[1])
    assert report[2] == ""
    assert report[3] == "slowest of 6 tests, set-up and teardown included:"
    slowest = [line.split(maxsplit=2) for line in report[4:10]]
    assert {
        (part, test.partition("::")[2])
        for dummy, dummy2, named in slowest
        for part, test in [named.split(": ")]
    } == {(part, f"test_{name}") for part in ("unit", "spread") for name in ("slow", "quick", "fails")}
    assert all(float(seconds) >= 0.5 for seconds, *dummy in slowest[:2])
    assert all(float(seconds) < 0.5 for seconds, *dummy in slowest[2:])
    assert [line.split()[0] for line in report[11:14]] == ["unit", "spread", "molecule"]
    assert report[14] == ""
    assert re.fullmatch(r"3 passed, 0 failed in \d+ s", report[15])


def test_a_part_that_runs_beside_others(
    run: t.Callable[..., tuple[int, str]], tmp_path: pathlib.Path
) -> None:
    """Each waits for a file of the other's, so both run at once; what they print is not mixed."""
    wait = "echo {0} begins; touch {0}; until [ -e {1} ]; do sleep 0.1; done; echo {0} ends; test {0} = lint"
    steps = {
        name: ["sh", "-c", f"cd {shlex.quote(str(tmp_path))}; {wait.format(name, other)}"]
        for name, other in (("newcomer", "lint"), ("lint", "newcomer"))
    }
    status, output = run(unit=["echo", "unit runs"], **steps)
    lines = output.splitlines()
    assert status == 1
    shown = [line for line in lines if line.endswith((" begins", " ends")) or line == "unit runs"]
    assert shown == ["lint begins", "lint ends", "newcomer begins", "newcomer ends", "unit runs"]
    ended = [(line.split()[0], line.split()[3]) for line in lines[-5:-2]]
    assert ended == [("unit", "passed"), ("newcomer", "FAILED"), ("lint", "passed")]
    assert lines[-1].startswith("2 passed, 1 failed in ")


def test_failures_come_last(run: t.Callable[..., tuple[int, str]], tmp_path: pathlib.Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_wrong(): assert 1 == 2\n")
    argv = [sys.executable, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", f"--rootdir={tmp_path}"]
    status, output = run(unit=[*argv, str(tmp_path)], lint=["true"])
    assert status == 1
    lines = output.splitlines()
    assert lines[-2].startswith("1 passed, 1 failed in ")
    assert lines[-1].startswith("  FAILED ")
    assert "test_it.py::test_wrong" in lines[-1]


def test_figures_that_are_missing_fail_nothing(
    parts: types.ModuleType, tmp_path: pathlib.Path, run: t.Callable[..., tuple[int, str]]
) -> None:
    costs = parts.Costs()
    costs.read("unit", tmp_path / "none")
    (tmp_path / "cut").write_text('{"test": "a", "scenario": "", "seconds": 2}\n{"test": 1}\n[]\n{"te')
    costs.read("unit", tmp_path / "cut")
    assert costs.lines() == [
        "",
        "slowest of 1 tests, set-up and teardown included:",
        "     2.0 s  unit: a",
    ]
    script = "import os; os.rmdir(os.path.dirname(os.environ['TEST_SECONDS_FILE']))"
    status, output = run(unit=[sys.executable, "-c", script])
    assert status == 0
    assert output.splitlines()[-1].startswith("1 passed, 0 failed in ")


def test_one_scenario(parts: types.ModuleType) -> None:
    *dummy, whole = parts.PARTS["molecule"]
    assert whole.argv[-2:] == ["test", "--all"]
    *dummy, one = parts._molecule(["apparmor", "site"])
    assert one.argv[-3:] == ["test", "--scenario-name=apparmor", "--scenario-name=site"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("test", "lint types fuzz browser sanity newcomer unit faults containers molecule"),
        ('test PART="unit molecule"', "unit molecule"),
        ("test PART=molecule SCENARIO=apparmor", "--scenario=apparmor molecule"),
        ("test SCENARIO=apparmor", "--scenario=apparmor molecule"),
        ('molecule SCENARIO="probe site"', "--scenario=probe --scenario=site molecule"),
        ("unit", "unit"),
        ("test-long", "long-fuzz long-kills long-rollout long-molecule long-kernels"),
        ("test-long PART=long-fuzz", "long-fuzz"),
        ("test-long SCENARIO=site", "--scenario=site long-molecule"),
        ("long-kills", "long-kills"),
    ],
)
def test_what_make_runs(words: str, wanted: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment = {name: value for name, value in environment.items() if name not in ("PART", "SCENARIO")}
    argv = ["make", "--no-print-directory", "--dry-run", *shlex.split(words)]
    done = subprocess.run(argv, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True)
    (line,) = [line for line in done.stdout.splitlines() if "tests/parts.py" in line]
    assert line.split("tests/parts.py")[1].split() == wanted.split()


def test_an_unknown_part_is_refused(parts: types.ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert parts.main(["unit", "nonesuch"]) == 2
    assert "no part named nonesuch" in capsys.readouterr().err
