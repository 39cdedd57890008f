# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leaks, made on purpose on a host: python3 seed_bpf.py link|program|map|event|grow|churn ARGUMENTS.

Needs root and Python's standard library alone, and shares no code with what is to find the leaks.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
import time

_SYSCALL = ctypes.CDLL(None, use_errno=True).syscall
_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
_MAP_CREATE, _PROG_LOAD, _OBJ_PIN, _RAW_TRACEPOINT_OPEN = 0, 5, 6, 17
_ARRAY, _RAW_TRACEPOINT = 2, 17
_TRACEPOINT = b"task_newtask\0"  # seldom, so that what is attached costs the host nothing


def bpf(command: int, attr: bytes) -> int:
    buffer = ctypes.create_string_buffer(attr.ljust(144, b"\0"), 144)
    value = _SYSCALL(_BPF, command, buffer, 144)
    if value < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(value)


def program() -> int:
    """mov r0, 0; exit"""
    code = ctypes.create_string_buffer(struct.pack("=BBhiBBhi", 0xB7, 0, 0, 0, 0x95, 0, 0, 0), 16)
    terms = ctypes.create_string_buffer(b"GPL\0")
    head = struct.pack("=IIQQ", _RAW_TRACEPOINT, 2, ctypes.addressof(code), ctypes.addressof(terms))
    return bpf(_PROG_LOAD, head.ljust(48, b"\0") + b"gofleet_seed")


def link(descriptor: int) -> int:
    name = ctypes.create_string_buffer(_TRACEPOINT)
    return bpf(_RAW_TRACEPOINT_OPEN, struct.pack("=QI", ctypes.addressof(name), descriptor))


def array() -> int:
    return bpf(_MAP_CREATE, struct.pack("=IIIIIII", _ARRAY, 4, 8, 16, 0, 0, 0) + b"gofleet_seed")


def pin(descriptor: int, path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    name = ctypes.create_string_buffer(os.fsencode(path) + b"\0")
    bpf(_OBJ_PIN, struct.pack("=QI", ctypes.addressof(name), descriptor))


def event(group_and_name: str, symbol: str) -> None:
    # A file opened with mode "a" is sought to its end, which this one refuses.
    file = os.open("/sys/kernel/tracing/kprobe_events", os.O_WRONLY | os.O_APPEND)
    os.write(file, f"p:{group_and_name} {symbol}\n".encode())
    os.close(file)


def grow(first: int, more: int, told: str) -> None:
    """Hold some links, and at SIGUSR1 some more, until ended; the number that it holds is in the file ``told``."""

    def tell(links: int) -> None:
        with open(told, "w", encoding="ascii") as file:
            file.write(str(links))

    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    for dummy in range(first):
        link(program())
    tell(first)
    signal.sigwait([signal.SIGUSR1])
    for dummy in range(more):
        link(program())
    tell(first + more)
    signal.pause()


def churn(seconds: float) -> None:
    """Make and lose objects as fast as possible, in processes that end at once."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        child = os.fork()
        if child == 0:
            link(program())
            array()
            os._exit(0)
        os.waitpid(child, 0)


def main(what: str, *arguments: str) -> None:
    if what == "event":
        event(*arguments)
    elif what == "grow":
        first, more, told = arguments
        grow(int(first), int(more), told)
    elif what == "churn":
        churn(float(arguments[0]))
    else:
        made = {"link": lambda: link(program()), "program": program, "map": array}[what]
        pin(made(), arguments[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
