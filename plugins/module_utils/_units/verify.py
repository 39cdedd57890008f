# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Check units before they are written, with ``systemd-analyze verify`` and ``systemd-analyze security``."""

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

__all__ = ["parse_exposure", "split_messages", "staged", "verify_exposure", "verify_text"]

_WORST_ROWS = 5


class Staged(t.NamedTuple):
    """A directory with the wanted files, and the environment that makes systemd's tools read it first."""

    directory: str
    env: dict[str, str]


@contextlib.contextmanager
def staged(units: t.Sequence[Unit], *, path: str) -> t.Iterator[Staged]:
    """Write every wanted file into a temporary directory that takes precedence over ``path`` and packages."""
    with tempfile.TemporaryDirectory(prefix="gofleet-units-") as directory:
        for unit in units:
            if not unit.has_file:
                continue
            file = os.path.join(directory, unit.name)
            os.makedirs(os.path.dirname(file), exist_ok=True)
            if unit.text is not None:
                # Omit the marker line, so that line numbers match the user's text.
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
    """Verify the units whose files would change.

    :param differing: names of the units and drop-ins whose files would change
    :raises HostError: systemd reports a fault in one of them
    """
    wanted = {unit.name: unit for unit in units}
    names = sorted({owner(name) for name in differing if not wanted[name].absent})
    if not names:
        return
    files = [_file(stage, name, wanted=wanted) for name in names]
    done = _verify(files, env=stage.env, run=run, warn=warn)
    stores = [unit.release.path for unit in units if unit.release]
    found, exempt = split_messages(done.err, directory=stage.directory, names=names, stores=stores)
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
            remedy="Correct the content. Nothing was changed.",
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
            "systemd before 250 has no `systemd-analyze verify --recursive-errors`. "
            "A fault may be found only when the unit starts."
        )
        done = run([*command, *files], env=env)
        # In these versions the exit status is also about faults in other units.
        done = done._replace(rc=0)
    if done.rc == 127:
        raise HostError(
            "systemd-analyze",
            wanted="the command systemd-analyze",
            found=done.err,
            remedy="Install the package systemd.",
        )
    return done


def split_messages(
    err: str, *, directory: str, names: t.Collection[str], stores: t.Sequence[str]
) -> tuple[list[str], list[str]]:
    """Split the messages of ``systemd-analyze verify`` about our units into faults and exempt messages.

    Exempt is a program that is missing because its release is not installed yet. Messages about other units of
    the host are ignored.

    :param directory: the directory of the staged files
    :param stores: paths of the release stores
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
    """Whether a message is about an unknown setting that the unit lists as optional."""
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
    """Return the exposure of each service that has a limit and whose text would change, from 0.0 to 10.0.

    :raises HostError: a service above its ``exposure_max``
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
        warn("systemd before 250 cannot compute the exposure of a unit file. `exposure_max` is not checked.")
        return {}
    exposures = parse_exposure(done.out)
    for name in names:
        score, rows = exposures.get(name, (10.0, [f"no score: {done.err.strip()}"]))
        if score > limits[name]:
            raise HostError(
                name,
                wanted=f"an exposure of at most {limits[name]:g}",
                found=f"{score:g}; largest contributions: {'; '.join(rows[:_WORST_ROWS])}",
                remedy="Restrict the service further, or raise `exposure_max`. Nothing was changed.",
            )
    return {name: exposures[name][0] for name in names}


def parse_exposure(out: str) -> dict[str, tuple[float, list[str]]]:
    """Parse the tables of ``systemd-analyze security``.

    :returns: unit -> (overall exposure from 0.0 to 10.0, the rows that add to it, largest first)
    """
    scores: dict[str, tuple[float, list[str]]] = {}
    rows: list[tuple[float, str]] = []
    for line in out.splitlines():
        overall = re.match(r"\S+ Overall exposure level for (\S+): ([0-9.]+)", line)
        # Columns: mark, setting, description, exposure. The mark can be in any script.
        row = re.match(r"\S+ (\S+) +(.+?) +([0-9]+\.[0-9])$", line.rstrip())
        if overall:
            worst = sorted(rows, key=lambda each: -each[0])
            scores[overall.group(1)] = (float(overall.group(2)), [text for dummy, text in worst])
            rows = []
        elif row:
            rows.append((float(row.group(3)), f"{row.group(1)} {row.group(2)} ({row.group(3)})"))
    return scores
