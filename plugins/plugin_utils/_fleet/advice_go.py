# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Advice about the Go programs of a host: their builds, and how their processes run."""

from __future__ import annotations

import typing as t

from .advice_form import Advice, Advised

__all__ = ["GO_SERVICE_ROOT", "GO_VERSIONS", "advise_go"]

Facts = t.Mapping[str, t.Any]

# The defaults of the roles go_toolchain and go_service; a unit test holds them equal.
GO_VERSIONS = ["1.27.3"]
GO_SERVICE_ROOT = "/opt/gofleet"
# How a service is described to the role go_service, up to the key to set.
_SERVICE = "go_service_services:\n  - name: NAME\n    "
_FEW_FILES = 4096
_GOMEMLIMIT = 0.9  # the rest of MemoryMax is for what the Go runtime does not count
_MIB = 1 << 20


def advise_go(facts: Facts) -> t.Iterator[Advised]:
    """What is to be done about the Go programs of this host."""
    for build in facts["builds"]:
        yield from _of_build(build)
    for process in facts["processes"]:
        if str(process["unit"]).endswith(".service"):
            yield from _of_process(process, facts)
        elif process["stale"]:
            yield _STALE, process["comm"] or process["path"]


def _of_build(build: t.Mapping[str, t.Any]) -> t.Iterator[Advised]:
    about = f"{build['module'] or build['path']} {build['version']}".strip() + f" ({build['go_version']})"
    starts = build["starts_here"]
    if starts is not None and starts["answer"] == "no":
        yield _does_not_start(starts["decided_by"]), f"{build['path']}: {starts['reason']}"
    if build["supported"] == "no":
        if build["module"] == "cmd" or build["path"].endswith(("/bin/go", "/bin/gofmt")):
            yield _OLD_TOOLCHAIN, f"{build['path']} ({build['go_version']})"
        else:
            yield (_OLD_BUILD if build["running"] else _OLD_FILE), about


_OLD_BUILD = Advice(
    severity="now",
    title="Running programs were built with a Go that gets no more fixes",
    why="Only the two newest minor versions of Go get security fixes, and a program carries its library inside.",
    action="Build them again with a supported Go and ship the builds.",
    set=_SERVICE + "artefact: {build: {directory: DIRECTORY, go: go}}  # go " + GO_VERSIONS[0],
)
_OLD_FILE = _OLD_BUILD._replace(
    severity="later",
    title="Programs that do not run now were built with a Go that gets no more fixes",
    why="They are as old as that Go whenever somebody starts them.",
    action="Build them again, or remove the files.",
    set="",
)
_OLD_TOOLCHAIN = Advice(
    severity="soon",
    title="Go toolchains that get no more fixes",
    why="What they build carries the holes of their standard library.",
    action="Install a supported one beside it; the active one is the first of the list.",
    set=f'go_toolchain_versions: ["{GO_VERSIONS[0]}"]',
)
_STALE = Advice(
    severity="now",
    title="Processes run a program file that has been replaced",
    why="The old build serves until the restart, whatever the file on disk says.",
    action="Restart them. A socket of systemd stays open meanwhile.",
    set="systemctl restart {about}",
)


def _does_not_start(layer: str) -> Advice:
    return Advice(
        severity="now",
        title="Programs that cannot start on their host",
        why="The next start or restart fails.",
        action="Build them for this host: static, for its architecture, and for no newer a processor than it has.",
        set=(
            "# for go build\nCGO_ENABLED=0 GOAMD64=v1"
            if layer in ("kernel", "cpu")
            else _SERVICE + "artefact: {build: {directory: DIRECTORY}}  # static"
        ),
    )


def _of_process(process: t.Mapping[str, t.Any], facts: Facts) -> t.Iterator[Advised]:
    unit, ours = process["unit"], process["path"].startswith(f"{GO_SERVICE_ROOT}/")
    if process["stale"]:
        yield _STALE, unit
    if process["memory_max"] not in (None, "max") and not process["gomemlimit"]:
        yield _no_memory_limit(process["memory_max"], ours), unit
    if isinstance(process["nofile"], int) and process["nofile"] < _FEW_FILES:
        yield _few_files(ours), unit
    profile = process["apparmor"]
    if profile and profile.endswith("(complain)"):
        yield _ONLY_LOGGED, unit
    apparmor = facts["capabilities"].get("kernel/apparmor", {}).get("answer") == "yes"
    if apparmor and profile in (None, "", "unconfined"):
        yield _UNCONFINED, unit
    if process["root"] and process["no_new_privs"] is False and process["seccomp"] == 0:
        yield _BARE_ROOT, unit


def _no_memory_limit(memory_max: t.Any, ours: bool) -> Advice:
    limit = f"{int(int(memory_max) * _GOMEMLIMIT) // _MIB}MiB" if str(memory_max).isdigit() else "..."
    return Advice(
        severity="soon",
        title="Services with MemoryMax and without GOMEMLIMIT",
        why="Go does not know the limit of its cgroup: it is killed there instead of collecting garbage earlier.",
        action="Set it to 90 % of MemoryMax.",
        set=(
            _SERVICE + "limits: {memory_max: ...}  # sets GOMEMLIMIT too"
            if ours
            else f"[Service]\nEnvironment=GOMEMLIMIT={limit}"
        ),
    )


def _few_files(ours: bool) -> Advice:
    return Advice(
        severity="soon",
        title=f"Services that may open fewer than {_FEW_FILES} files",
        why="Each connection is a file; Go raises the soft limit to the hard one by itself, and no further.",
        action="Raise the hard limit.",
        set=(_SERVICE + "limits: {nofile: 524288}" if ours else "[Service]\nLimitNOFILE=524288"),
    )


_ONLY_LOGGED = Advice(
    severity="soon",
    title="AppArmor only logs what these services do",
    why="A profile in complain mode stops nothing.",
    action="Enforce it once its log is quiet.",
    set=_SERVICE + "apparmor: {mode: enforce}",
)
_UNCONFINED = Advice(
    severity="later",
    title="Go services that no AppArmor profile confines",
    why="After a break-in they may read and write whatever their user may.",
    action="Describe them to the role go_service, which makes the profile and the sandbox.",
    set=_SERVICE + "apparmor: {mode: enforce}",
)
_BARE_ROOT = Advice(
    severity="later",
    title="Go services run as root without a sandbox",
    why="A fault in one of them is a fault of the whole host.",
    action="Give them a user and a filter, where the program does not need root.",
    set="[Service]\nDynamicUser=yes\nNoNewPrivileges=yes\nSystemCallFilter=@system-service",
)
