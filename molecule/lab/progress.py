"""Progress lines with the seconds since the command began."""

from __future__ import annotations

import sys
import threading
import time

_START = time.monotonic()
_LOCK = threading.Lock()


def say(text: str) -> None:
    """Print one line to standard error, led by the elapsed seconds; safe from any thread."""
    with _LOCK:
        print(f"[{time.monotonic() - _START:6.1f}s] {text}", file=sys.stderr, flush=True)
