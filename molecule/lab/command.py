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
) -> subprocess.CompletedProcess[str]:
    """Run ``argv`` and return its result, output as text.

    ``wanted`` names the purpose for the message, ``timeout`` is in seconds. Raises LabError when the program
    is missing, fails (unless ``check`` is off) or takes too long; the message holds the end of its output.
    """
    path = find(argv[0])
    if path is None:
        raise LabError(
            f"{wanted}: needs the program {argv[0]}, which is not installed; run `lab prepare` as root"
        )
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "PATH": SEARCH_PATH, **(env or {})}
    process = subprocess.Popen(
        # A session of its own, so that a failure here ends the command with all its children, and only from here.
        [path, *argv[1:]], env=environment, text=True, errors="replace", start_new_session=True,
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
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=END_SECONDS)


def tail(text: str) -> str:
    """Return the last lines of a long output, indented."""
    return "\n".join("    " + line for line in text.splitlines()[-TAIL_LINES:])
