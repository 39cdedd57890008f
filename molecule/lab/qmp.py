"""QEMU's machine protocol, as much of it as snapshots need."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from .errors import LabError


def monitor(path: Path, *, command: str, timeout: float) -> str:
    """Run one human-monitor command on the socket ``path`` and return its output; ``timeout`` in seconds.

    Raises LabError when QEMU doesn't answer. Some commands report failure only in the text they return.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(str(path))
            with connection.makefile("rw", encoding="utf-8") as stream:
                stream.readline()
                _execute(stream, name="qmp_capabilities", arguments={})
                answer = _execute(stream, name="human-monitor-command", arguments={"command-line": command})
        except (OSError, ValueError) as exc:
            raise LabError(f"QEMU monitor {path}: wanted an answer to {command!r}, found: {exc}") from exc
    return str(answer)


def _execute(stream: Any, *, name: str, arguments: dict[str, str]) -> Any:
    stream.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
    stream.flush()
    while True:
        line = stream.readline()
        if not line:
            raise OSError("connection closed")
        message = json.loads(line)
        # Events arrive on the same stream between question and answer.
        if "error" in message:
            raise OSError(message["error"].get("desc", "error"))
        if "return" in message:
            return message["return"]
