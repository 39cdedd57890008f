# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Run a function of the collection as another user, or as a service would run it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
import typing as t

from .._errors import HostError
from .._run import Completed, Runner
from .._systemd.text import parse_show
from . import identity_child
from .caller import CAPABILITIES, parse_status
from .identity_unit import QUERIED_PROPERTIES, unit_properties

__all__ = ["IDENTITY_OPTIONS", "IDENTITY_SPEC", "Identity", "identity_of", "run_as"]

_TIMEOUT = 120  # seconds; a probe of everything takes a few on a slow host

IDENTITY_OPTIONS: dict[str, t.Any] = {
    "unit": {"type": "str"},
    "user": {"type": "str"},
    "capabilities": {"type": "list", "elements": "str", "default": []},
    "limit_memlock": {"type": "str"},
}
IDENTITY_SPEC: dict[str, t.Any] = {
    "type": "dict",
    "options": IDENTITY_OPTIONS,
    "mutually_exclusive": [["unit", "user"], ["unit", "capabilities"]],
}


class Identity(t.NamedTuple):
    """The identity that a function is run as.

    ``limits``: resource -> value as systemd writes it, such as memlock: 64K.
    """

    unit: str | None = None
    user: str | None = None
    capabilities: tuple[str, ...] = ()
    limits: t.Mapping[str, str] = {}


def identity_of(params: t.Mapping[str, t.Any] | None) -> Identity | None:
    """Read the identity from an option of IDENTITY_SPEC. Return None where the option is not set."""
    if params is None:
        return None
    names = [name.upper() for name in params.get("capabilities") or ()]
    capabilities = tuple(name if name.startswith("CAP_") else f"CAP_{name}" for name in names)
    for name in capabilities:
        # systemd ignores unknown names without an error.
        if name not in CAPABILITIES:
            raise HostError(
                name,
                wanted="a capability",
                found="not a valid capability",
                remedy="Use a name of capabilities(7).",
            )
    memlock = params.get("limit_memlock")
    if memlock is not None and not re.fullmatch(r"(\d+[KMGT]?|infinity)", memlock):
        raise HostError(
            "limit_memlock",
            wanted="a number of bytes, with or without K, M, G or T, or infinity",
            found=memlock,
            remedy="Write the value as LimitMEMLOCK= of a unit takes it.",
        )
    unit = params.get("unit")
    return Identity(
        unit=f"{unit}.service" if unit and "." not in unit else unit,
        user=params.get("user"),
        capabilities=capabilities,
        limits={} if memlock is None else {"memlock": memlock},
    )


def run_as(
    identity: Identity,
    *,
    run: Runner,
    function: str,
    arguments: t.Mapping[str, t.Any],
    root: str = "/",
) -> dict[str, t.Any]:
    """Run a function of this collection as another identity, in a transient systemd service.

    :param function: ``module:name``, such as ``_io_uring.info:query``. The module must already be imported. The
        function returns a dictionary of JSON values. A HostError that it raises is raised here.
    :param arguments: its keyword arguments, of JSON values
    :param root: the directory that holds /run of the host
    :returns: the dictionary that the function returned, and ``identity``, which says who it ran as and which
        settings of the unit did not apply
    """
    _require_systemd(identity, root=root)
    properties, not_carried = _properties(identity, run=run)
    with standard_input(json.dumps(_request(function, arguments))):
        done = run(_argv(properties))
    result = parse_answer(done, subject=_subject(identity))
    if "error" in result:
        raise HostError(**result["error"])
    fields = parse_status(result["status"])
    return {**result["returned"], "identity": _report(identity, fields, not_carried)}


@contextlib.contextmanager
def standard_input(text: str) -> t.Iterator[None]:
    """Redirect standard input from a temporary file that holds a text.

    A pipe would break when the command ends without reading it. run_command would then fail, and the output of the
    command would be lost.
    """
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        before = os.dup(0)
        os.dup2(file.fileno(), 0)
        try:
            yield
        finally:
            os.dup2(before, 0)
            os.close(before)


def _require_systemd(identity: Identity, *, root: str) -> None:
    if os.geteuid() != 0:
        raise HostError(
            _subject(identity),
            wanted="root, to run a function as another identity",
            found=f"uid {os.geteuid()}",
            remedy="Set become: true.",
        )
    if not os.path.isdir(os.path.join(root, "run/systemd/system")):
        raise HostError(
            _subject(identity),
            wanted="systemd as init, to start a service with another identity",
            found="no /run/systemd/system",
            remedy="Omit the identity on hosts and containers without systemd.",
        )


def _properties(identity: Identity, *, run: Runner) -> tuple[dict[str, str], list[str]]:
    limits = {f"Limit{name.upper()}": value for name, value in identity.limits.items()}
    if identity.unit is None:
        names = " ".join(identity.capabilities)
        user = {"User": identity.user} if identity.user else {"DynamicUser": "yes"}
        rights = {"CapabilityBoundingSet": names, "AmbientCapabilities": names, "NoNewPrivileges": "yes"}
        return {**user, **rights, **limits}, []
    shown = run(["systemctl", "show", f"--property={','.join(QUERIED_PROPERTIES)}", "--", identity.unit])
    if shown.rc != 0:
        raise HostError(
            identity.unit,
            wanted="its properties as systemctl show prints them",
            found=_last_line(shown.err) or f"exit status {shown.rc}",
            remedy="Name a service that is installed on this host.",
        )
    properties = parse_show(shown.out, names=[identity.unit]).get(identity.unit, {})
    unit = unit_properties(properties, unit=identity.unit)
    return {**unit.properties, **limits}, unit.not_carried


# Short, because systemd logs the command line. The rest is read from standard input.
_START = "import json,sys;sent=json.load(sys.stdin);exec(sent['start'],{'__name__':'__main__','sent':sent})"


def _argv(properties: t.Mapping[str, str]) -> list[str]:
    # Write no core dump when a filter kills the process, and end a process that hangs.
    every = {**properties, "LimitCORE": "0", "RuntimeMaxSec": str(_TIMEOUT), "TimeoutStopSec": "5"}
    return [
        *("systemd-run", "--wait", "--pipe", "--collect", "--no-ask-password", "--service-type=exec"),
        *("--description=gofleet.hosts probes the kernel as another identity",),
        *(f"--property={name}={value}" for name, value in every.items()),
        *("--", sys.executable or "/usr/bin/python3", "-I", "-B", "-c", _START),
    ]


def _request(function: str, arguments: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    root = __name__.rsplit(".", 2)[0]  # ...plugins.module_utils
    module, dummy, name = function.partition(":")
    if not module.startswith(root):
        module = f"{root}.{module}"
    sources = sources_below(root)
    return {
        "start": sources[identity_child.__name__],
        "sources": sources,
        "errors": HostError.__module__,
        "module": module,
        "function": name,
        "arguments": dict(arguments),
    }


def sources_below(root: str) -> dict[str, str | None]:
    """Return the source of every imported module of a package, from files or from a zip archive."""
    parents = [root.rsplit(".", count)[0] for count in range(root.count(".") + 1)]
    sources: dict[str, str | None] = dict.fromkeys(parents)
    for name, module in list(sys.modules.items()):
        loader: t.Any = getattr(getattr(module, "__spec__", None), "loader", None)
        if name.startswith(root + ".") and hasattr(loader, "get_source"):
            sources[name] = loader.get_source(name)
    return sources


_ENDED = re.compile(r"code=(\w+)[/,] ?status=(?:(\d+)/?)?(\w+)?")
# Exit status of a service whose process could not be started, from systemd.exec(5).
_NOT_STARTED = {
    203: "the Python interpreter cannot be executed as that identity",
    216: "its group does not exist",
    217: "the user does not exist",
    218: "systemd does not have these capabilities and cannot grant them",
    226: "its mount or user namespace cannot be created",
    228: "its system call filter cannot be applied",
}


def parse_answer(done: Completed, *, subject: str) -> dict[str, t.Any]:
    """Parse the result in the output of systemd-run, or raise a HostError with the cause."""
    dummy, mark, text = done.out.rpartition(identity_child.MARK)
    if mark:
        try:
            result = json.loads(text)
        except ValueError:
            result = None
        if isinstance(result, dict):
            return result
    found, remedy = _failure_cause(done)
    raise HostError(
        subject, wanted="the result of a probe in a transient service", found=found, remedy=remedy
    )


def _failure_cause(done: Completed) -> tuple[str, str]:
    if done.rc == 127:
        return "systemd-run not found", "Install systemd."
    if "result: timeout" in done.err:
        return f"no result within {_TIMEOUT} s", "Run it again when the host is less busy."
    ended = _ENDED.search(done.err)
    if ended and "SYS" in (ended.group(3) or ""):
        return (
            "the Python interpreter killed by the system call filter (SIGSYS)",
            "Allow @system-service in SystemCallFilter=; this filter does not let Python start.",
        )
    if ended and int(ended.group(2) or 0) in _NOT_STARTED:
        return _NOT_STARTED[int(ended.group(2))], "Correct the option identity."
    return _last_line(done.err) or f"exit status {done.rc}", "Read the journal of the host."


def _last_line(text: str) -> str:
    # systemd-run prints its own lines after the output of the service.
    own = ("Running as unit", "Finished with", "Main processes", "Service runtime", "CPU time", "Memory peak")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(own)]
    return lines[-1] if lines else ""


def _report(identity: Identity, status: t.Mapping[str, str], not_carried: list[str]) -> dict[str, t.Any]:
    effective = int(status.get("CapEff") or "0", 16)
    wanting = [name for name in identity.capabilities if not effective >> CAPABILITIES.index(name) & 1]
    return {
        "unit": identity.unit,
        "user": identity.user,
        "capabilities": list(identity.capabilities),
        "limits": dict(identity.limits),
        "not_carried": not_carried,
        "not_given": wanting,
    }


def _subject(identity: Identity) -> str:
    if identity.unit:
        return identity.unit
    held = " ".join(identity.capabilities) or "no capability"
    return f"{identity.user or 'a dynamic user'} with {held}"
