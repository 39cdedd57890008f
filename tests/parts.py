# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the parts of the test suite that are named, and shows what each part, scenario and slow test took."""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import typing as t

from lab.root import SUDO, wrapped

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
COLLECTIONS = CHECKOUT / ".build" / "collections"
INSTALLED = COLLECTIONS / "ansible_collections" / "gofleet" / "hosts"
# Of each part that failed some lines are shown again at the end.
LINES_SAID, LINE_LENGTH = 6, 150
# What pytest and Ansible say of a failure, after colours and the frame that Molecule draws around it.
ANSI = re.compile(r"\x1b\[[0-9;]*m")
FAILURE = re.compile(r"\W*((?:FAILED|ERROR) \S.*|fatal: \[.*)")
# How Molecule begins a line about a step of a scenario.
MOLECULE_STEP = re.compile(r"[A-Z]+\s+(\w+) ➜ (\w+): (Executing|Executed)\b")
# A step of a scenario that took less is not shown.
LEAST_SECONDS = 0.5
# The plugin of pytest that writes down what each test takes.
TIMING = CHECKOUT / "tests" / "timing"
SLOWEST = 10


class Step(t.NamedTuple):
    """One command of a part, where it runs and what it adds to the environment."""

    argv: list[str]
    cwd: pathlib.Path = CHECKOUT
    env: dict[str, str] = {}


def _go_sources() -> list[str]:
    return sorted(str(path.parent) for path in (CHECKOUT / "examples").glob("*/go.mod"))


def _pytest(*arguments: str, **env: str) -> Step:
    return Step(["pytest", "-q", *arguments], env=env)


def _molecule(scenarios: t.Sequence[str] = (), **env: str) -> list[Step]:
    """Run the scenarios named, or all; ``default``, which owns the hosts, comes with each of them."""

    def step(command: str, *chosen: str) -> Step:
        argv = ["molecule", "-c", "molecule/config.yml", command, *chosen]
        return Step(argv, env={"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), **env})

    chosen = [f"--scenario-name={name}" for name in scenarios] or ["--all"]
    return [
        BUILD,
        # Here and not by Ansible, whose processes have no terminal to be asked for a password on.
        Step(["python", "-m", "lab", "prepare", "debian-12", "debian-13"]),
        # A run that was killed leaves word that hosts exist, and the next one would not create them.
        step("destroy", "--all"),
        step("test", *chosen),
    ]


def _unit_tests_that_need_root() -> list[Step]:
    """Unit tests that give files to other users, which skip that where they run as an ordinary user."""
    names = ["tests/unit/plugins/module_utils/_delta", "tests/unit/plugins/modules/test_delta_copy.py"]
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *names]
    # Root leaves no file in the checkout.
    env = {"PYTHONPATH": os.environ.get("PYTHONPATH", ""), "PYTHONDONTWRITEBYTECODE": "1"}
    return [] if os.geteuid() == 0 else [Step([*SUDO, *wrapped(argv, env=env)])]


BUILD = Step(["tests/build_collection.sh", str(COLLECTIONS)])
# Workers take files in the order in which they are collected.
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")

# One core each: the first runs beside the others, and what it prints is shown when they have ended.
BESIDE = "newcomer"
ONE_CORE = ("lint", "types", "fuzz", "browser", "sanity")
# What `make test` runs, in this order.
PARTS: dict[str, list[Step]] = {
    "lint": [
        Step(["ruff", "check", "."]),
        Step(["ruff", "format", "--check", "."]),
        Step(["yamllint", "--strict", "."]),
        BUILD,
        # The installed tree: what a user gets is what is linted, and roles resolve as they do for a user.
        Step(
            ["ansible-lint", "--offline", "--strict", "--config-file", str(CHECKOUT / ".ansible-lint")],
            cwd=INSTALLED,
            env={"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
        ),
        Step(["antsibull-changelog", "lint"]),
    ],
    "types": [
        Step(
            [
                "mypy",
                "--config-file",
                "mypy.ini",
                "-p",
                "ansible_collections.gofleet.hosts.plugins",
                "-p",
                "lab",
            ]
        )
    ],
    "fuzz": [_pytest("tests/fuzz")],
    "browser": [_pytest("-rs", "tests/browser")],
    "sanity": [Step(["tests/sanity.sh"])],
    "newcomer": [_pytest("-rs", "tests/newcomer")],
    "unit": [
        _pytest("-rs", "-n", "2", "tests/unit"),
        *[Step(["go", "vet", "./..."], cwd=pathlib.Path(source)) for source in _go_sources()],
        *[Step(["go", "test", "./..."], cwd=pathlib.Path(source)) for source in _go_sources()],
    ],
    "faults": [
        _pytest("-rs", "-n", "2", "--dist", "worksteal", "tests/faults"),
        *_unit_tests_that_need_root(),
    ],
    # Much of what they do is waiting, so three workers fill two cores.
    "containers": [_pytest("-rs", "-n", "3", *BY_FILE, "tests/containers")],
    "molecule": _molecule(),
}
# What `make test-long` runs: the same tests as in the parts above, in their long form.
LONG: dict[str, list[Step]] = {
    "long-fuzz": [_pytest("tests/fuzz", FUZZ_SECONDS="60")],
    "long-kills": [
        _pytest(
            "-rs", "tests/faults/test_kill_trials.py", "tests/faults/test_delta_copy.py", KILL_TRIALS="200"
        )
    ],
    "long-rollout": [_pytest("-rs", "tests/containers/test_rollout.py", ROLLOUT_HOSTS="20")],
    "long-molecule": _molecule(BOTH_KERNELS="1", RESTART_LOAD="1"),
    "long-kernels": [BUILD, _pytest("-rs", "tests/kernels", ANSIBLE_COLLECTIONS_PATH=str(COLLECTIONS))],
}


class Result(t.NamedTuple):
    """How a part ended: the step that failed, if one did, and the lines of its output that name a failure."""

    part: str
    seconds: float
    failed: Step | None
    said: list[str]


class Costs:
    """Seconds of parts, of steps of scenarios (from Molecule's lines) and of tests (from pytest)."""

    def __init__(self) -> None:
        self.begun: dict[tuple[str, str], float] = {}
        self.steps: dict[tuple[str, str], float] = {}
        self.tests: list[tuple[float, str]] = []

    def see(self, line: str) -> None:
        """Take the time at which Molecule wrote that a step begins or has ended."""
        found = MOLECULE_STEP.match(line)
        if not found:
            return
        step, now = (found[1], found[2]), time.monotonic()
        if found[3] == "Executing":
            self.begun.setdefault(step, now)
        elif step in self.begun:
            self.steps[step] = self.steps.get(step, 0.0) + now - self.begun.pop(step)

    def read(self, part: str, path: pathlib.Path) -> None:
        """Add what the tests of a part took; a file that is missing or cut short adds what there is."""
        with contextlib.suppress(OSError):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    record = json.loads(line)
                    where = f"{part}/{record['scenario']}" if record["scenario"] else part
                    file, colons, test = record["test"].partition("::")
                    name = f"{where}: {pathlib.PurePath(file).name}{colons}{test}"
                    self.tests.append((float(record["seconds"]), name))

    def lines(self) -> list[str]:
        """The report: scenarios with their steps, then the slowest tests."""
        scenarios: dict[str, dict[str, float]] = {}
        for (scenario, step), seconds in self.steps.items():
            scenarios.setdefault(scenario, {})[step] = seconds
        lines = ["", "scenarios of Molecule:"] if scenarios else []
        for scenario, every in scenarios.items():
            # Those that a scenario has not got end at once.
            steps = {step: seconds for step, seconds in every.items() if seconds >= LEAST_SECONDS}
            if not steps:
                continue
            each = ", ".join(f"{step} {seconds:.0f}" for step, seconds in steps.items())
            lines.append(f"{scenario:<14}{sum(steps.values()):8.0f} s  ({each})")
        slowest = sorted(self.tests, reverse=True)[:SLOWEST]
        lines += ["", f"slowest of {len(self.tests)} tests, set-up and teardown included:"] if slowest else []
        return lines + [f"{seconds:8.1f} s  {name}"[:LINE_LENGTH] for seconds, name in slowest]


def main(arguments: t.Sequence[str]) -> int:
    known = {**PARTS, **LONG}
    parser = argparse.ArgumentParser(prog="parts", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="PART", help=", ".join(known))
    parser.add_argument("--scenario", action="append", default=[], help="run this scenario of Molecule alone")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(known))
    if unknown:
        print(f"parts: no part named {', '.join(unknown)}; there are {', '.join(known)}.", file=sys.stderr)
        return 2
    if options.scenario:
        known["molecule"] = _molecule(options.scenario)
        known["long-molecule"] = _molecule(options.scenario, **LONG["long-molecule"][-1].env)
    costs, started = Costs(), time.monotonic()
    results = {result.part: result for result in _results(options.names, known, costs)}
    print(*costs.lines(), "", sep="\n")
    for name in options.names:
        failed = results[name].failed
        verdict = f"FAILED in: {' '.join(failed.argv[:3])}" if failed else "passed"
        print(f"{name:<14}{results[name].seconds:8.0f} s  {verdict}")
    failures = sum(result.failed is not None for result in results.values())
    said = [line for result in results.values() for line in result.said]
    whole = f"in {time.monotonic() - started:.0f} s"
    print(f"\n{len(results) - failures} passed, {failures} failed {whole}", *said, sep="\n  ")
    return 1 if failures else 0


def _results(names: t.Sequence[str], known: t.Mapping[str, list[Step]], costs: Costs) -> t.Iterator[Result]:
    """Run the parts, two at a time where each uses one core."""
    beside = [name for name in names if name in ONE_CORE] if BESIDE in names else []
    if beside:
        with tempfile.TemporaryFile() as output, concurrent.futures.ThreadPoolExecutor(1) as pool:
            print(f"--- {BESIDE}: runs beside {', '.join(beside)}, and is shown behind them", flush=True)
            running = pool.submit(Run(BESIDE, costs, output).result, known[BESIDE])
            for name in beside:
                yield Run(name, costs, sys.stdout.buffer).result(known[name])
            yield running.result()
            output.seek(0)
            shutil.copyfileobj(output, sys.stdout.buffer)
            sys.stdout.flush()
    for name in names:
        if not beside or name not in (*ONE_CORE, BESIDE):
            yield Run(name, costs, sys.stdout.buffer).result(known[name])


class Run:
    """One run of a part, which shows on ``output`` what its steps print."""

    def __init__(self, part: str, costs: Costs, output: t.IO[bytes]) -> None:
        self.part, self.costs, self.output = part, costs, output
        self.said: list[str] = []

    def result(self, steps: t.Iterable[Step]) -> Result:
        """Run steps until one fails."""
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="test-seconds-") as folder:
            path = pathlib.Path(folder) / "seconds.jsonl"
            failed = next((step for step in steps if not self._passes(step, path)), None)
            self.costs.read(self.part, path)
        return Result(self.part, time.monotonic() - started, failed, self.said)

    def _passes(self, step: Step, path: pathlib.Path) -> bool:
        self._show(f"--- {self.part}: {' '.join(step.argv)}\n".encode())
        environment = {**os.environ, **step.env, **_timing(path)}
        if sys.stdout.isatty():
            environment.update(PY_COLORS="1", ANSIBLE_FORCE_COLOR="1")
        last: collections.deque[str] = collections.deque(maxlen=LINES_SAID)
        process = subprocess.Popen(
            step.argv, cwd=step.cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert process.stdout is not None
        reader = threading.Thread(target=self._read, args=(process.stdout, last), daemon=True)
        reader.start()
        process.wait()
        # Not for ever: what the step left running may hold the other end.
        reader.join(timeout=10)
        if process.returncode:
            self.said += last
        return process.returncode == 0

    def _read(self, lines: t.IO[bytes], last: collections.deque[str]) -> None:
        for line in lines:
            self._show(line)
            text = ANSI.sub("", line.decode("utf-8", "replace"))
            self.costs.see(text)
            found = FAILURE.match(text)
            if found:
                last.append(found[1].strip()[:LINE_LENGTH])

    def _show(self, line: bytes) -> None:
        self.output.write(line)
        self.output.flush()


def _timing(path: pathlib.Path) -> dict[str, str]:
    """What makes every pytest of a step write to ``path``."""
    paths = [str(TIMING), *filter(None, [os.environ.get("PYTHONPATH")])]
    plugins = [*filter(None, [os.environ.get("PYTEST_PLUGINS")]), "pytest_seconds"]
    return {
        "TEST_SECONDS_FILE": str(path),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTEST_PLUGINS": ",".join(plugins),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
