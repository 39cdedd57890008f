# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the parts of the test suite that are named on the command line, and tells what each took."""

from __future__ import annotations

import collections
import os
import pathlib
import re
import subprocess
import sys
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


class Step(t.NamedTuple):
    """One command of a part, where it runs and what it adds to the environment."""

    argv: list[str]
    cwd: pathlib.Path = CHECKOUT
    env: dict[str, str] = {}


def _go_sources() -> list[str]:
    return sorted(str(path.parent) for path in (CHECKOUT / "examples").glob("*/go.mod"))


def _molecule(command: str) -> Step:
    return Step(
        ["molecule", "-c", "molecule/config.yml", command, "--all"],
        env={"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
    )


def _unit_tests_that_need_root() -> list[Step]:
    """Unit tests that give files to other users, which skip that where they run as an ordinary user."""
    names = ["tests/unit/plugins/module_utils/_delta", "tests/unit/plugins/modules/test_delta_copy.py"]
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *names]
    # Root leaves no file in the checkout.
    env = {"PYTHONPATH": os.environ.get("PYTHONPATH", ""), "PYTHONDONTWRITEBYTECODE": "1"}
    return [] if os.geteuid() == 0 else [Step([*SUDO, *wrapped(argv, env=env)])]


BUILD = Step(["tests/build_collection.sh", str(COLLECTIONS)])

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
    "unit": [
        Step(["pytest", "-q", "-n", "2", "tests/unit"]),
        *[Step(["go", "vet", "./..."], cwd=pathlib.Path(source)) for source in _go_sources()],
        *[Step(["go", "test", "./..."], cwd=pathlib.Path(source)) for source in _go_sources()],
    ],
    "browser": [Step(["pytest", "-q", "-rs", "tests/browser"])],
    "faults": [Step(["pytest", "-q", "-rs", "tests/faults"]), *_unit_tests_that_need_root()],
    "containers": [Step(["pytest", "-q", "-rs", "tests/containers"])],
    "newcomer": [Step(["pytest", "-q", "-rs", "tests/newcomer"])],
    "sanity": [Step(["tests/sanity.sh"])],
    "molecule": [
        BUILD,
        # Here and not by Ansible, whose processes have no terminal to be asked for a password on.
        Step(["python", "-m", "lab", "prepare", "debian-12", "debian-13"]),
        # A run that was killed leaves word that hosts exist, and the next one would not create them.
        _molecule("destroy"),
        _molecule("test"),
    ],
}


def main(names: list[str]) -> int:
    unknown = sorted(set(names) - set(PARTS))
    if unknown:
        print(f"parts: no part named {', '.join(unknown)}; there are {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    results = []
    said: list[str] = []
    for name in names:
        started = time.monotonic()
        failed = next((step for step in PARTS[name] if not _passes(name, step, said)), None)
        results.append((name, time.monotonic() - started, failed))
    print()
    for name, seconds, failed in results:
        verdict = f"FAILED in: {' '.join(failed.argv[:3])}" if failed else "passed"
        print(f"{name:<10}{seconds:8.0f} s  {verdict}")
    failures = sum(failed is not None for _name, _seconds, failed in results)
    print(f"\n{len(results) - failures} passed, {failures} failed", *said, sep="\n  ")
    return 1 if failures else 0


def _passes(part: str, step: Step, said: list[str]) -> bool:
    """Run it, show what it prints, and add to ``said`` what of that names a failure."""
    print(f"--- {part}: {' '.join(step.argv)}", flush=True)
    environment = {**os.environ, **step.env}
    if sys.stdout.isatty():
        environment.update(PY_COLORS="1", ANSIBLE_FORCE_COLOR="1")
    last: collections.deque[str] = collections.deque(maxlen=LINES_SAID)
    process = subprocess.Popen(
        step.argv, cwd=step.cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    reader = threading.Thread(target=_show, args=(process.stdout, last), daemon=True)
    reader.start()
    process.wait()
    # Not for ever: what the step left running may hold the other end.
    reader.join(timeout=10)
    if process.returncode:
        said += last
    return process.returncode == 0


def _show(output: t.IO[bytes], last: collections.deque[str]) -> None:
    for line in output:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        found = FAILURE.match(ANSI.sub("", line.decode("utf-8", "replace")))
        if found:
            last.append(found[1].strip()[:LINE_LENGTH])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
