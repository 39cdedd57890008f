"""Running a command and telling what went wrong when it fails."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence

from .errors import LabError
from .root import SUDO, as_root

# Tools such as mke2fs live in sbin, which the PATH of an ordinary user lacks.
SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))
TAIL_LINES = 25
END_SECONDS = 15.0


def find(tool: str) -> str | None:
    """Return the path of a program, or None where it is not installed."""
    return shutil.which(tool, path=SEARCH_PATH)


def run(
    argv: Sequence[str],
    *,
    wanted: str,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    check: bool = True,
    root: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run ``argv`` and return its result, output as text.

    ``wanted`` names the purpose for the message, ``timeout`` is in seconds, ``root`` runs it as root. Raises LabError
    when the program is missing, fails (unless ``check`` is off) or takes too long; its text ends with the output's end.
    """
    path = find(argv[0])
    if path is None:
        raise LabError(f"{wanted}: needs the program {argv[0]}, which is not installed; run `lab prepare`")
    added = {"LC_ALL": "C.UTF-8", **(env or {})}
    command = [path, *argv[1:]]
    process = subprocess.Popen(
        as_root(command, env=added) if root else command, env={**os.environ, "PATH": SEARCH_PATH, **added},
        # A group of its own, so that a failure here ends the command with all its children, and only from here.
        # And a session of its own, but for sudo: it has the password for this one.
        text=True, errors="replace", process_group=0 if root else None, start_new_session=not root,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        output = process.communicate(input=stdin, timeout=timeout)[0]
    except subprocess.TimeoutExpired as exc:
        _end_group(process)
        raise LabError(f"{wanted}: no end within {timeout:g} s of: {shlex.join(argv)}") from exc
    except BaseException:
        _end_group(process)
        raise
    if check and process.returncode != 0:
        status = f"exit status {process.returncode}"
        raise LabError(f"{wanted}: {status} of: {shlex.join(argv)}\n{tail(output)}")
    return subprocess.CompletedProcess(argv, process.returncode, output)


def _end_group(process: subprocess.Popen[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            _signal_group(process.pid, number=number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=END_SECONDS)


def _signal_group(group: int, *, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except PermissionError:
        # sudo runs as root, and so must who ends it.
        kill = ["kill", "-s", number.name.removeprefix("SIG"), "--", f"-{group}"]
        subprocess.run([*SUDO, *kill], capture_output=True, check=False)


def tail(text: str) -> str:
    """Return the last lines of a long output, indented."""
    return "\n".join("    " + line for line in text.splitlines()[-TAIL_LINES:])
