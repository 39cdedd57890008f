# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Give advice about the builds and the processes of the Go programs of a host."""

from __future__ import annotations

import typing as t

from .advice_form import Advice, Advised

__all__ = ["GO_SERVICE_ROOT", "GO_VERSIONS", "advise_go"]

Facts = t.Mapping[str, t.Any]

# The defaults of the roles go_toolchain and go_service. A unit test compares them.
GO_VERSIONS = ["1.27.3"]
GO_SERVICE_ROOT = "/opt/gofleet"
# The start of a service's description for the role go_service, before the key to set.
_SERVICE = "go_service_services:\n  - name: NAME\n    "
_MIN_FILES = 4096  # a lower hard limit of open files gets advice
_GOMEMLIMIT = 0.9  # of MemoryMax; the rest is for memory that the Go runtime does not count
_MIB = 1 << 20


def advise_go(facts: Facts) -> t.Iterator[Advised]:
    """Yield advice about the Go programs of one host, with the program or unit that it is about."""
    for build in facts["builds"]:
        yield from _advise_build(build)
    for process in facts["processes"]:
        if str(process["unit"]).endswith(".service"):
            yield from _advise_process(process, facts)
        elif process["stale"]:
            yield _STALE, process["comm"] or process["path"]


def _advise_build(build: t.Mapping[str, t.Any]) -> t.Iterator[Advised]:
    program = f"{build['module'] or build['path']} {build['version']}".strip() + f" ({build['go_version']})"
    starts = build["starts_here"]
    if starts is not None and starts["answer"] == "no":
        yield _does_not_start(starts["decided_by"]), f"{build['path']}: {starts['reason']}"
    if build["supported"] == "no":
        if build["module"] == "cmd" or build["path"].endswith(("/bin/go", "/bin/gofmt")):
            yield _OLD_TOOLCHAIN, f"{build['path']} ({build['go_version']})"
        else:
            yield (_OLD_BUILD if build["running"] else _OLD_FILE), program


_OLD_BUILD = Advice(
    severity="now",
    title="Running programs were built with an unsupported Go version",
    why="Only the two newest minor versions of Go get security fixes. Each program contains its own standard library.",
    action="Rebuild them with a supported Go version and deploy the builds.",
    set=_SERVICE + "artefact: {build: {directory: DIRECTORY, go: go}}  # go " + GO_VERSIONS[0],
)
_OLD_FILE = _OLD_BUILD._replace(
    severity="later",
    title="Programs that are not running were built with an unsupported Go version",
    why="When they are started, they run without the newest security fixes.",
    action="Rebuild them, or remove the files.",
    set="",
)
_OLD_TOOLCHAIN = Advice(
    severity="soon",
    title="Go toolchains that get no security fixes",
    why="Programs built with them contain the known vulnerabilities of their standard library.",
    action="Install a supported version as well. The first version of the list becomes the active one.",
    set=f'go_toolchain_versions: ["{GO_VERSIONS[0]}"]',
)
_STALE = Advice(
    severity="now",
    title="Processes run a program file that has been replaced",
    why="They run the old build until they are restarted.",
    action="Restart them. Sockets that systemd holds stay open during the restart.",
    set="systemctl restart {about}",
)


def _does_not_start(layer: str) -> Advice:
    return Advice(
        severity="now",
        title="Programs that cannot start on their host",
        why="The next start or restart fails.",
        action="Build them for this host: static, for its architecture, and for a processor level that it has.",
        set=(
            "# for go build\nCGO_ENABLED=0 GOAMD64=v1"
            if layer in ("kernel", "cpu")
            else _SERVICE + "artefact: {build: {directory: DIRECTORY}}  # static"
        ),
    )


def _advise_process(process: t.Mapping[str, t.Any], facts: Facts) -> t.Iterator[Advised]:
    unit, is_ours = process["unit"], process["path"].startswith(f"{GO_SERVICE_ROOT}/")
    if process["stale"]:
        yield _STALE, unit
    if process["memory_max"] not in (None, "max") and not process["gomemlimit"]:
        yield _no_memory_limit(process["memory_max"], is_ours), unit
    if isinstance(process["nofile"], int) and process["nofile"] < _MIN_FILES:
        yield _few_files(is_ours), unit
    profile = process["apparmor"]
    if profile and profile.endswith("(complain)"):
        yield _COMPLAIN_MODE, unit
    apparmor = facts["capabilities"].get("kernel/apparmor", {}).get("answer") == "yes"
    if apparmor and profile in (None, "", "unconfined"):
        yield _UNCONFINED, unit
    if process["root"] and process["no_new_privs"] is False and process["seccomp"] == 0:
        yield _ROOT_WITHOUT_SANDBOX, unit


def _no_memory_limit(memory_max: t.Any, is_ours: bool) -> Advice:
    limit = f"{int(int(memory_max) * _GOMEMLIMIT) // _MIB}MiB" if str(memory_max).isdigit() else "..."
    return Advice(
        severity="soon",
        title="Services with MemoryMax and without GOMEMLIMIT",
        why=(
            "The Go runtime does not read the memory limit of its cgroup. The kernel kills a process that exceeds it. "
            "With GOMEMLIMIT, Go collects garbage before that."
        ),
        action="Set GOMEMLIMIT to 90 % of MemoryMax.",
        set=(
            _SERVICE + "limits: {memory_max: ...}  # sets GOMEMLIMIT too"
            if is_ours
            else f"[Service]\nEnvironment=GOMEMLIMIT={limit}"
        ),
    )


def _few_files(is_ours: bool) -> Advice:
    return Advice(
        severity="soon",
        title=f"Services that may open fewer than {_MIN_FILES} files",
        why="Each connection needs a file descriptor. Go raises its soft limit to the hard limit, but not higher.",
        action="Raise the hard limit.",
        set=(_SERVICE + "limits: {nofile: 524288}" if is_ours else "[Service]\nLimitNOFILE=524288"),
    )


_COMPLAIN_MODE = Advice(
    severity="soon",
    title="AppArmor only logs what these services do",
    why="A profile in complain mode blocks nothing.",
    action="Switch it to enforce mode when it logs no more violations.",
    set=_SERVICE + "apparmor: {mode: enforce}",
)
_UNCONFINED = Advice(
    severity="later",
    title="Go services that no AppArmor profile confines",
    why="If one of them is compromised, the attacker can access everything that its user can.",
    action="Describe them for the role go_service, which creates the profile and the sandbox.",
    set=_SERVICE + "apparmor: {mode: enforce}",
)
_ROOT_WITHOUT_SANDBOX = Advice(
    severity="later",
    title="Go services run as root without a sandbox",
    why="A vulnerability in one of them gives access to the whole host.",
    action="If the program does not need root, give it its own user and a system call filter.",
    set="[Service]\nDynamicUser=yes\nNoNewPrivileges=yes\nSystemCallFilter=@system-service",
)
