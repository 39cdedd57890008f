# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kernel whose results of bpf(2) and perf_event_open(2) the test chooses by command."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import struct
import typing as t

from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.abi import COMMANDS
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.bpf import Loaded
from ansible_collections.gofleet.hosts.plugins.module_utils._ebpf.layers import Layers, read_layers
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.caller import Caller
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.host import Host
from ansible_collections.gofleet.hosts.plugins.module_utils._probe.syscall import (
    Argument,
    Outcome,
    number_of,
)

from .._probe.stand_in import FIXTURES, ROOT

_NAMES = {number: name for name, number in COMMANDS.items()}
EPERM = Outcome(-1, errno.EPERM)
EACCES = Outcome(-1, errno.EACCES)
EINVAL = Outcome(-1, errno.EINVAL)
KILLED = Outcome(-1, 0, killed=True)

Answer = t.Union[Outcome, t.Callable[[bytearray], Outcome]]


class Kernel:
    """A kernel with results by the name of a command, ``perf_event_open`` or ``events`` (a dummy event).

    Any other call returns a descriptor.
    """

    def __init__(self, **answers: Answer) -> None:
        self.answers: dict[str, Answer] = answers
        self.buffers: dict[int, bytearray] = {}
        self.made: list[str] = []
        self.opened: list[int] = []

    def __call__(self, number: int, *arguments: Argument) -> Outcome:
        if number == number_of("bpf", machine="x86_64"):
            command, attr = arguments[0], arguments[1]
            assert isinstance(command, int)
            assert isinstance(attr, bytearray)
            return self._answer(
                _NAMES.get(command, "unknown"), attr, EINVAL if command not in _NAMES else None
            )
        assert number == number_of("perf_event_open", machine="x86_64")
        attr = arguments[0]
        assert isinstance(attr, bytearray)
        if arguments[4] != 8:
            return self._answer("flags", attr, EINVAL)
        return self._answer("events" if attr[:4] == b"\1\0\0\0" else "perf_event_open", attr, None)

    def in_child(self, number: int, *arguments: Argument, uid: int | None = None) -> Outcome:
        return self(number, *arguments)

    def address_of(self, buffer: bytearray) -> int:
        self.buffers[id(buffer)] = buffer
        return id(buffer)

    def buffer(self, attr: bytearray, offset: int) -> bytearray:
        """Return the buffer that a pointer of an attr points to."""
        return self.buffers[struct.unpack_from("=Q", attr, offset)[0]]

    def log(self, attr: bytearray, text: str) -> None:
        """Write the log of the verifier."""
        log = self.buffer(attr, 32)
        log[: len(text)] = text.encode()

    def _answer(self, name: str, attr: bytearray, default: Outcome | None) -> Outcome:
        self.made.append(name)
        answer = self.answers.get(name, default)
        if answer is None:
            self.opened.append(os.open(os.devnull, os.O_RDONLY))
            return Outcome(self.opened[-1], 0)
        return answer if isinstance(answer, Outcome) else answer(attr)

    def host(self, *, root: pathlib.Path | str = "/nowhere", caller: Caller = ROOT) -> Host:
        return Host(str(root), "x86_64", self, caller)

    def layers(self, *, root: pathlib.Path | str = "/nowhere", caller: Caller = ROOT) -> Layers:
        return read_layers(self.host(root=root, caller=caller))

    def left_open(self) -> list[int]:
        """Return the descriptors that were not closed."""
        left = []
        for descriptor in self.opened:
            try:
                os.fstat(descriptor)
            except OSError:
                continue
            left.append(descriptor)
        return left


def write(root: pathlib.Path, path: str, text: str) -> None:
    """Write a file of the host."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def with_capabilities(*numbers: int) -> Caller:
    """Return the caller of a service with these capabilities."""
    return ROOT._replace(uid=64000, groups=(64000,), capabilities=sum(1 << number for number in numbers))


def recorded(kernel: str, what: str) -> Loaded:
    """Return the recorded result of the verifier of a real kernel."""
    number, log = json.loads((FIXTURES / kernel / "bpf" / "verifier.json").read_text(encoding="utf-8"))[what]
    return Loaded(Outcome(-1 if number else 3, number), log)
