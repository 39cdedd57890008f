# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Units judged before they are written: what systemd says about their text, and how exposed they are."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import typing as t

from .._errors import HostError
from .._systemd.text import is_drop_in, owner

if t.TYPE_CHECKING:
    from .._run import Completed, Runner
    from .spec import Unit

__all__ = ["complaints", "parse_exposure", "staged", "verify_exposure", "verify_text"]

_WORST_ROWS = 5


class Staged(t.NamedTuple):
    """A directory with the wanted files, and the environment in which systemd's tools prefer it."""

    directory: str
    env: dict[str, str]


@contextlib.contextmanager
def staged(units: t.Sequence[Unit], *, path: str) -> t.Iterator[Staged]:
    """Every wanted file in a temporary directory that hides ``path`` and the directories of packages."""
    with tempfile.TemporaryDirectory(prefix="gofleet-units-") as directory:
        for unit in units:
            if not unit.has_file:
                continue
            file = os.path.join(directory, unit.name)
            os.makedirs(os.path.dirname(file), exist_ok=True)
            if unit.text is not None:
                # Without the marker, so that the line numbers are those of the user's text.
                with open(file, "w", encoding="utf-8", errors="surrogateescape") as writer:
                    writer.write(unit.text.split("\n", 1)[1])
            elif is_drop_in(unit.name):
                os.symlink("/dev/null", file)
        # The trailing colon keeps the default path.
        yield Staged(directory, {"SYSTEMD_UNIT_PATH": f"{directory}:{path}:"})


def verify_text(
    stage: Staged,
    units: t.Sequence[Unit],
    *,
    differing: t.Collection[str],
    run: Runner,
    warn: t.Callable[[str], None],
) -> None:
    """
    :param differing: names of the units and drop-ins whose files would change
    :raises HostError: for anything that systemd says about one of them
    """
    wanted = {unit.name: unit for unit in units}
    names = sorted({owner(name) for name in differing if not wanted[name].absent})
    if not names:
        return
    files = [_file(stage, name, wanted=wanted) for name in names]
    done = _verify(files, env=stage.env, run=run, warn=warn)
    stores = [unit.release.path for unit in units if unit.release]
    found, exempt = complaints(done.err, directory=stage.directory, names=names, stores=stores)
    optional = {key: unit.optional for key, unit in wanted.items()}
    known = [line for line in found if not _is_optional(line, optional=optional)]
    found, exempt = known, exempt + [line for line in found if line not in known]
    if done.rc != 0 and not found and not exempt:
        found = [line for line in done.err.splitlines() if line.strip()]
    if found:
        raise HostError(
            ", ".join(names),
            wanted="unit files in which systemd finds no fault",
            found="; ".join(dict.fromkeys(line.rstrip(".") for line in found)),
            remedy="Correct the content; nothing was changed.",
        )


def _file(stage: Staged, name: str, *, wanted: t.Mapping[str, Unit]) -> str:
    unit = wanted.get(name)
    return os.path.join(stage.directory, name) if unit and unit.text is not None else name


def _verify(
    files: list[str], *, env: t.Mapping[str, str], run: Runner, warn: t.Callable[[str], None]
) -> Completed:
    command = ["systemd-analyze", "verify", "--man=no"]
    done = run([*command, "--recursive-errors=no", *files], env=env)
    if "unrecognized option" in done.err:
        warn(
            "systemd before 250 verifies units without --recursive-errors: a fault may be found only at the start."
        )
        done = run([*command, *files], env=env)
        # There the exit status also tells of faults in other units.
        done = done._replace(rc=0)
    if done.rc == 127:
        raise HostError(
            "systemd-analyze",
            wanted="the tool that verifies units",
            found=done.err,
            remedy="Install the package systemd.",
        )
    return done


def complaints(
    err: str, *, directory: str, names: t.Collection[str], stores: t.Sequence[str]
) -> tuple[list[str], list[str]]:
    """The lines of ``systemd-analyze verify`` about our units: faults, and programs that are yet to be released.

    Lines about other units of the host are neither.
    """
    found: list[str] = []
    exempt: list[str] = []
    for raw in err.splitlines():
        line = raw.strip()
        subject = re.match(r"(?:Unit )?([A-Za-z0-9:_.\\@-]+\.[a-z]+)\b", line)
        if line.startswith(directory + "/"):
            found.append(line[len(directory) + 1 :])
        elif subject and any(_is_about(subject.group(1), name) for name in names):
            (exempt if _is_unreleased(line, stores=stores) else found).append(line)
    return found, exempt


def _is_optional(line: str, *, optional: t.Mapping[str, t.Collection[str]]) -> bool:
    """Whether a line is about a setting that this systemd is too old for, and that may be left out."""
    unknown = re.match(r"([^:]+):\d+: Unknown key (?:name )?'(\w+)' in section", line)
    return bool(unknown) and unknown.group(2) in optional.get(unknown.group(1), ()) if unknown else False


def _is_about(subject: str, name: str) -> bool:
    stem, at, suffix = name.partition("@.")
    return subject == name or bool(at and subject.startswith(stem + "@") and subject.endswith("." + suffix))


def _is_unreleased(line: str, *, stores: t.Sequence[str]) -> bool:
    missing = re.search(r"Command (\S+) is not executable: No such file or directory", line)
    return bool(missing) and any(missing.group(1).startswith(store + "/") for store in stores if missing)


def verify_exposure(
    stage: Staged,
    units: t.Sequence[Unit],
    *,
    differing: t.Collection[str],
    run: Runner,
    warn: t.Callable[[str], None],
) -> dict[str, float]:
    """The exposure of each service that has a limit and whose text would change.

    :raises HostError: for one above its ``exposure_max``
    """
    touched = {owner(name) for name in differing}
    limits = {
        unit.name: unit.exposure_max
        for unit in units
        if unit.exposure_max is not None and unit.text is not None and unit.name in touched
    }
    names = list(limits)
    if not names:
        return {}
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager"]
    done = run([*command, *(os.path.join(stage.directory, name) for name in names)], env=stage.env)
    if "unrecognized option" in done.err:
        warn("systemd before 250 can't tell the exposure of a unit before it runs: exposure_max is not held.")
        return {}
    exposures = parse_exposure(done.out)
    for name in names:
        score, rows = exposures.get(name, (10.0, [f"no score: {done.err.strip()}"]))
        if score > limits[name]:
            raise HostError(
                name,
                wanted=f"an exposure of at most {limits[name]:g}",
                found=f"{score:g}; the worst of it: {'; '.join(rows[:_WORST_ROWS])}",
                remedy="Restrict the service further, or raise exposure_max; nothing was changed.",
            )
    return {name: exposures[name][0] for name in names}


def parse_exposure(out: str) -> dict[str, tuple[float, list[str]]]:
    """The tables of ``systemd-analyze security``: unit -> overall score, and the rows that cost, worst first."""
    scores: dict[str, tuple[float, list[str]]] = {}
    rows: list[tuple[float, str]] = []
    for line in out.splitlines():
        overall = re.match(r"\S+ Overall exposure level for (\S+): ([0-9.]+)", line)
        # Columns: mark, setting, description, exposure. Marks are words of any script; only the last one counts.
        row = re.match(r"\S+ (\S+) +(.+?) +([0-9]+\.[0-9])$", line.rstrip())
        if overall:
            worst = sorted(rows, key=lambda each: -each[0])
            scores[overall.group(1)] = (float(overall.group(2)), [text for dummy, text in worst])
            rows = []
        elif row:
            rows.append((float(row.group(3)), f"{row.group(1)} {row.group(2)} ({row.group(3)})"))
    return scores
