# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Write the AppArmor profile of a service from the same description as its units."""

from __future__ import annotations

import posixpath
import re

from .program import Program
from .service import Service

__all__ = ["apparmor_profile"]

# What Go's runtime and library read beyond the distribution's abstractions (seen with strace, Go 1.22 to 1.27):
# the transparent huge page size, the listen backlog, and since 1.25 the CPU limit of the cgroup.
_GO_RUNTIME = """\
@{sys}/kernel/mm/transparent_hugepage/hpage_pmd_size r
@{PROC}/sys/net/core/somaxconn r
owner @{PROC}/@{pid}/cgroup r
owner @{PROC}/@{pid}/mountinfo r
@{sys}/fs/cgroup/{,**/}cpu.max r
@{sys}/fs/cgroup/{,**/}cpu.cfs_{quota,period}_us r
/usr/share/mime/globs2 r
/usr/local/share/mime/globs2 r
/etc/mime.types r
"""

# What the usual process metrics of a Go service need: descriptors, limits, times, traffic.
_PROCESS_METRICS = """\
owner @{PROC}/@{pid}/{fd/,limits,stat,net/netstat,net/snmp} r
@{PROC}/stat r
"""

# For a service without network: what abstractions/nameservice allows besides the network.
_LOCAL_NAMES = """\
/etc/{hosts,host.conf,resolv.conf,nsswitch.conf,passwd,group,protocols,services} r
"""

# A C compiler, its linker, git and a shell: the go command runs them for cgo and for modules in repositories.
_BUILD_TOOLS = """\
/{usr/,}bin/* mrix
/usr/local/bin/* mrix
/usr/{lib,libexec}/{gcc,gcc-cross,git-core,llvm*}/** mrix
/usr/{,local/}include/{,**} r
/usr/share/git-core/{,**} r
/etc/{gitconfig,ld.so.conf,ld.so.conf.d/,ld.so.conf.d/*} r
owner /dev/shm/** rwk
"""


def apparmor_profile(service: Service, *, store: str, program: Program) -> str:
    """Return the text of the profile.

    :param store: the release store of the service; AppArmor sees the path of the version, never the link ``current``
    :param program: the program that runs
    """
    sections = [
        ("the program, and the files of its release", _program_rules(service, store=store)),
        ("its dynamic loader, and where this build tells it to look", _loader_rules(program, store=store)),
        ("what Go's runtime reads", _GO_RUNTIME.splitlines()),
        ("what its metrics are read from", _PROCESS_METRICS.splitlines()),
        (
            "names of users and hosts, without the network",
            [] if service.sandbox.network else _LOCAL_NAMES.splitlines(),
        ),
        ("systemd: readiness and the watchdog", ["/{,var/}run/systemd/notify w", "unix (send) type=dgram"]),
        ("its directories, which DynamicUser= keeps below private/", _directory_rules(service)),
        ("its secrets", _credential_rules(service)),
        ("its Unix sockets", _socket_rules(service)),
        ("compiling Go", _builder_rules(service)),
        ("opened by name", _opened_rules(service)),
    ]
    attached = "" if service.installed else f" {store}/*/{service.name}"
    abstractions = ["base", *(["nameservice"] if service.sandbox.network else []), "ssl_certs"]
    lines = [
        "abi <abi/3.0>,",
        "include <tunables/global>",
        "",
        f"profile {service.profile}{attached} flags=(attach_disconnected) {{",
        *(f"  include <abstractions/{name}>" for name in abstractions),
    ]
    for title, rules in sections:
        if rules:
            lines += ["", f"  # {title}", *(f"  {rule}," for rule in rules)]
    return "\n".join([*lines, "", f"  include if exists <local/{service.profile}>", "}", ""])


def _program_rules(service: Service, *, store: str) -> list[str]:
    hooks = {words[0] for words in service.lifecycle.hooks if words}
    inside = {path for path in hooks if not path.startswith("/")} - {service.name}
    rules = [_file(_literal(path), "mrix") for path in sorted(hooks) if path.startswith("/")]
    if service.installed:
        return [_file(_literal(service.installed), "mr"), *rules]
    return [
        f"{store}/*/{service.name} mr",
        *(_file(f"{store}/*/{_literal(path)}", "mrix") for path in sorted(inside)),
        *rules,
        *(
            _file(f"{store}/*/{_literal(str(file['path']))}", "r")
            for file in service.config_files
            if file["path"] not in inside
        ),
    ]


def _loader_rules(program: Program, *, store: str) -> list[str]:
    """Return rules for a dynamic loader and libraries that abstractions/base does not allow."""
    if not program.interpreter:
        return []
    loader = _literal(program.interpreter)
    folders = [posixpath.dirname(loader), *(_search(path, store=store) for path in program.search)]
    libraries = [_file(f"{directory}/**.so*", "mr") for directory in dict.fromkeys(folders)]
    # The second path is the real one where a distribution has merged /lib into /usr.
    return [_file(loader, "mr"), _file(f"/usr{loader}", "mr"), *libraries]


def _search(path: str, *, store: str) -> str:
    """Return a search path of the loader as a pattern, with its tokens such as $ORIGIN replaced (ld.so(8))."""
    literal = re.sub(r"\$\{?ORIGIN\}?", "\0", path)
    literal = re.sub(r"\$\{?(?:LIB|PLATFORM)\}?", "\1", literal)
    return posixpath.normpath(_literal(literal).replace("\0", f"{store}/*").replace("\1", "*"))


def _directory_rules(service: Service) -> list[str]:
    places = [
        "lib",
        *(["cache"] if service.sandbox.builder else []),
        *(["log"] if service.lifecycle.logs else []),
    ]
    rules = [f"owner /var/{place}/{{,private/}}{service.name}/{{,**}} rwk" for place in places]
    return [*rules, "owner /tmp/{,**} rwk"]


def _credential_rules(service: Service) -> list[str]:
    # Without `owner`: root may own them, and systemd gives the service's user access by an ACL.
    return (
        [f"/{{,var/}}run/credentials/{service.name}{{,@*}}.service/{{,*}} r"] if service.credentials else []
    )


def _socket_rules(service: Service) -> list[str]:
    paths = [
        listener.path for instance in service.instances for listener in instance.listeners if listener.path
    ]
    if not paths:
        return []
    verbs = "accept, bind, listen, receive, send, shutdown, getattr, setattr, getopt, setopt"
    return [
        *(_file(_literal(path), "rw") for path in paths),
        f"unix ({verbs}) type=stream",
        f"unix ({verbs}) type=dgram",
    ]


def _builder_rules(service: Service) -> list[str]:
    if not service.sandbox.builder:
        return []
    tree = service.sandbox.go_tree
    return [
        f"{tree}/{{,**}} rk",
        f"{tree}/bin/* mrix",
        f"{tree}/pkg/tool/** mrix",
        # Tests, and tools of the toolchain that Go builds on first use.
        f"owner /var/cache/{{,private/}}{service.name}/** mrix",
        *_BUILD_TOOLS.splitlines(),
    ]


def _opened_rules(service: Service) -> list[str]:
    sandbox = service.sandbox
    reading = "rk" if sandbox.builder else "r"  # the go command locks each go.mod that it reads
    return [
        *(f"capability {name[len('CAP_') :].lower()}" for name in sandbox.capabilities),
        *(f"network {name[len('AF_') :].lower()}" for name in sandbox.address_families),
        *(_file(f"{_literal(path.rstrip('/'))}{{,/**}}", reading) for path in sandbox.read_paths),
        *(_file(f"{_literal(path.rstrip('/'))}/{{,**}}", "rwk") for path in sandbox.read_write_paths),
        *(_file(_literal(device), "rw") for device in sandbox.devices if device.startswith("/")),
        *(rule.strip().rstrip(",") for rule in service.apparmor_rules),
    ]


def _file(pattern: str, access: str) -> str:
    """Return a file rule.

    A path with blanks or commas is quoted.
    """
    return f'"{pattern}" {access}' if re.search(r"[\s,](?![^{]*\})", pattern) else f"{pattern} {access}"


def _literal(path: str) -> str:
    """Escape everything in a path that AppArmor reads as a pattern."""
    return re.sub(r'([\\*?\[\]{}^"])', r"\\\1", path)
