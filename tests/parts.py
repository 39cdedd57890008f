# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the parts of the test suite that are named on the command line, and tells what each took."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import time
import typing as t

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
COLLECTIONS = CHECKOUT / ".build" / "collections"
INSTALLED = COLLECTIONS / "ansible_collections" / "gofleet" / "hosts"


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
    "faults": [Step(["pytest", "-q", "-rs", "tests/faults"])],
    "containers": [Step(["pytest", "-q", "-rs", "tests/containers"])],
    "sanity": [Step(["tests/sanity.sh"])],
    "molecule": [
        BUILD,
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
    for name in names:
        started = time.monotonic()
        failed = next((step for step in PARTS[name] if not _passes(name, step)), None)
        results.append((name, time.monotonic() - started, failed))
    print()
    for name, seconds, failed in results:
        verdict = f"FAILED in: {' '.join(failed.argv[:3])}" if failed else "passed"
        print(f"{name:<10}{seconds:8.0f} s  {verdict}")
    failures = sum(failed is not None for _name, _seconds, failed in results)
    print(f"\n{len(results) - failures} passed, {failures} failed")
    return 1 if failures else 0


def _passes(part: str, step: Step) -> bool:
    print(f"--- {part}: {' '.join(step.argv)}", flush=True)
    environment = {**os.environ, **step.env}
    return subprocess.run(step.argv, cwd=step.cwd, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
