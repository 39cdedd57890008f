# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import shutil
import subprocess
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.apparmor import apparmor_profile
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.program import Program, parse_program
from ansible_collections.gofleet.hosts.plugins.plugin_utils._service.service import parse_services

ABSTRACTIONS = pathlib.Path("/etc/apparmor.d/abstractions/base")
STATIC = parse_program("1")
DYNAMIC = parse_program(
    {
        "version": "1",
        "program": {
            "interpreter": "/lib64/ld-linux-x86-64.so.2",
            "search": ["$ORIGIN/../lib", "/opt/lib/${LIB}"],
        },
    }
)
RICH: dict[str, t.Any] = {
    "sockets": [{"name": "ops", "listen": "/run/hello/ops.sock"}],
    "credentials": [{"name": "token", "content": "x"}],
    "config_files": [{"path": "etc/a b.yml", "content": "x"}],
    "diagnostics": {"profiles": True},
    "hooks": {"warm_up": ["hello", "-x"], "drain": ["bin/drain"], "after_stop": ["/bin/true"]},
    "sandbox": {
        "capabilities": ["CAP_NET_BIND_SERVICE"],
        "address_families": ["AF_NETLINK"],
        "read_paths": ["/srv/in"],
        "read_write_paths": ["/srv/data/"],
        "devices": ["/dev/fuse"],
    },
    "apparmor": {"rules": ["/etc/hello/** r"]},
}
BUILDER: dict[str, t.Any] = {
    "port": None,
    "sandbox": {"profile": "builder"},
    "artefact": {"installed": "/usr/bin/go"},
}


def profile(program: Program = STATIC, **changes: t.Any) -> str:
    item = {"name": "hello", "artefact": {"file": "x"}, "port": 8080, **changes}
    return apparmor_profile(parse_services([item]).present[0], store="/opt/gofleet/hello", program=program)


def test_the_profile_has_our_prefix_and_attaches_to_every_version() -> None:
    assert "\nprofile gofleet.hello /opt/gofleet/hello/*/hello flags=(attach_disconnected) {\n" in profile()


def test_an_installed_program_is_confined_only_in_this_service() -> None:
    assert "\nprofile gofleet.hello flags=(attach_disconnected) {\n" in profile(**BUILDER)


@pytest.mark.parametrize("path", ["limits", "fd/", "cgroup", "hpage_pmd_size", "somaxconn", "systemd/notify"])
def test_paths_that_go_metrics_and_systemd_need_are_allowed(path: str) -> None:
    assert any(path in line and line.endswith(("r,", "w,")) for line in profile().splitlines())


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"apparmor": {"rules": ["/etc/hello/** r,"]}}, "/etc/hello/** r"),
        (RICH, "capability net_bind_service"),
        (RICH, "network netlink"),
        (RICH, "/srv/in{,/**} r"),
        (RICH, "/srv/data/{,**} rwk"),
        (RICH, "/dev/fuse rw"),
        (RICH, "/etc/hello/** r"),
        (RICH, "/run/hello/ops.sock rw"),
        (RICH, "/{,var/}run/credentials/hello{,@*}.service/{,*} r"),
        (RICH, '"/opt/gofleet/hello/*/etc/a b.yml" r'),
        (RICH, "/opt/gofleet/hello/*/bin/drain mrix"),
        (RICH, "/bin/true mrix"),
        (RICH, "owner /var/log/{,private/}hello/{,**} rwk"),
        (BUILDER, "/usr/bin/go mr"),
        (BUILDER, "/usr/local/lib/go/*/pkg/tool/** mrix"),
        (BUILDER, "owner /var/cache/{,private/}hello/** mrix"),
        (BUILDER, "owner /var/cache/{,private/}hello/{,**} rwk"),
    ],
)
def test_options_become_rules(changes: dict[str, t.Any], rule: str) -> None:
    assert f"  {rule}," in profile(**changes).splitlines()
    assert f"  {rule}," not in profile().splitlines()


def test_only_a_dynamic_program_may_load_libraries() -> None:
    rules = {
        "  /lib64/ld-linux-x86-64.so.2 mr,",
        "  /usr/lib64/ld-linux-x86-64.so.2 mr,",
        "  /lib64/**.so* mr,",
        "  /opt/gofleet/hello/lib/**.so* mr,",
        "  /opt/lib/*/**.so* mr,",
    }
    assert rules <= set(profile(DYNAMIC).splitlines())
    assert "loader" not in profile()


def test_a_builder_may_lock_files_that_it_reads() -> None:
    """go does so with each go.mod."""
    rules = profile(**BUILDER | {"sandbox": {"profile": "builder", "read_paths": ["/srv/in"]}}).splitlines()
    assert "  /srv/in{,/**} rk," in rules
    assert "  /srv/in{,/**} r," in profile(**RICH).splitlines()


def test_without_the_network_no_rule_allows_it() -> None:
    assert "abstractions/nameservice" in profile()
    assert "abstractions/nameservice" not in profile(**BUILDER)


@pytest.mark.skipif(
    shutil.which("apparmor_parser") is None or not ABSTRACTIONS.exists(),
    reason="apparmor_parser is not on this controller; Molecule loads the profile on real hosts",
)
@pytest.mark.parametrize(
    ("program", "changes"),
    [(STATIC, {}), (DYNAMIC, RICH), (STATIC, BUILDER)],
    ids=["static", "dynamic and rich", "builder"],
)
def test_the_parser_compiles_the_profile(program: Program, changes: dict[str, t.Any]) -> None:
    text = profile(program, **changes)
    done = subprocess.run(["apparmor_parser", "-QK"], input=text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr + text
