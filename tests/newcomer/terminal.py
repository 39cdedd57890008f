# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command on a terminal of its own, as a person would, and type a password when sudo asks for it.

usage: terminal.py SECONDS COMMAND...

The password comes on standard input. What the command prints goes to standard output, and to standard error how often
it asked. The exit status is the command's, or 124 when it had not ended after so many seconds.
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import sys
import time

QUESTION = b"password for "


def main(seconds: float, argv: list[str]) -> int:
    password = sys.stdin.buffer.readline()
    process, terminal = pty.fork()
    if process == 0:
        os.execvp(argv[0], argv)
    questions, tail = 0, b""
    deadline = time.monotonic() + seconds
    with contextlib.suppress(OSError):  # of a terminal that everybody has left
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            data = os.read(terminal, 65536)
            sys.stdout.buffer.write(data)
            tail = (tail + data)[-200:]
            if QUESTION in tail:
                questions, tail = questions + 1, b""
                time.sleep(0.5)  # sudo throws away what was typed before it asked
                os.write(terminal, password)
    late = time.monotonic() >= deadline
    if late:
        os.killpg(process, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    sys.stdout.flush()
    print(questions, file=sys.stderr)
    return 124 if late else status


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
