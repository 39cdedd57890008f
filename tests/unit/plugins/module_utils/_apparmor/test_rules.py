# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor import risks
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.denial import Denial, parse_denial
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.rules import (
    base_profile,
    pattern_of,
    propose,
    quoted,
)

from .test_denial import KERNELS, recorded

ROOTS = ["/opt/gofleet"]


def denial(text: str, *, serial: int = 1) -> Denial:
    found = parse_denial(
        f'audit: type=1400 audit(1.5:{serial}): apparmor="DENIED" profile="gofleet.x" pid=7 {text}'
    )
    assert found is not None
    return found


def file(name: str, mask: str, *, owner: bool = False, operation: str = "open") -> Denial:
    fields = (
        f'operation="{operation}" class="file" name="{name}" requested_mask="{mask}" denied_mask="{mask}"'
    )
    return denial(f"{fields} fsuid=61184 ouid={61184 if owner else 0}")


def rules(*denials: Denial) -> list[str]:
    return [proposal.rule for proposal in propose(denials, release_roots=ROOTS).proposals]


# With these rules enforced, the recorded program had no denials on both kernels.
RECORDED = [
    "capability chown,",
    "capability net_raw,",
    "/var/tmp/rec/out rwk,",
    r'owner "/var/tmp/rec/\377\001x" w,',
    'owner "/var/tmp/rec/grüße" w,',
    r'owner "/var/tmp/rec/q\"\{\*\}\\,@\{x\}" w,',
    'owner "/var/tmp/rec/with space" rw,',
    "owner /opt/gofleet/hello/*/data.txt r,",
    "owner /usr/bin/true rmix,",
    "owner /usr/bin/id rmix,",
    "owner /var/tmp/rec/dir/ w,",
    "owner @{PROC}/1/environ r,",
    "owner @{PROC}/@{pid}/environ r,",
    "owner @{PROC}/@{pid}/task/@{tid}/environ r,",
    "owner @{run}/rec.pid w,",
    "owner link /var/tmp/rec/hard -> /var/tmp/rec/out,",
    "mount fstype=tmpfs options=(rw) tmpfs -> /mnt/,",
    "mount options=(rw, bind) /etc/ -> /mnt/,",
    "network inet raw,",
    "network packet raw,",
    "ptrace (trace) peer=unconfined,",
    "signal (send) set=(rtmin+3, term) peer=unconfined,",
    "umount /mnt/,",
]


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_rules_of_the_recorded_program(kernel: str) -> None:
    found = rules(*recorded(kernel))
    assert [rule for rule in RECORDED if rule not in found] == []
    # An optional check for a capability needs no rule.
    assert "capability net_admin," not in found
    (unanswered,) = propose(recorded(kernel), release_roots=ROOTS).unanswered
    assert unanswered[1].startswith("optional")


@pytest.mark.parametrize(
    ("denials", "expected"),
    [
        ([file("/srv/x", "r"), file("/srv/x", "r")], ["/srv/x r,"]),
        ([file("/srv/x", "r"), file("/srv/x", "wc")], ["/srv/x rw,"]),
        ([file("/srv/x", "ac")], ["/srv/x w,"]),
        ([file("/srv/x", "a")], ["/srv/x a,"]),
        ([file("/srv/x", "a"), file("/srv/x", "w")], ["/srv/x w,"]),
        ([file("/srv/x", "d", operation="unlink")], ["/srv/x w,"]),
        ([file("/srv/x", "wrd", operation="rename_src")], ["/srv/x rw,"]),
        ([file("/srv/x", "r", owner=True)], ["owner /srv/x r,"]),
        # The rule for all owners covers reading own files. Writing own files keeps its own rule.
        ([file("/srv/x", "r"), file("/srv/x", "r", owner=True)], ["/srv/x r,"]),
        ([file("/srv/x", "r"), file("/srv/x", "w", owner=True)], ["/srv/x r,", "owner /srv/x w,"]),
        ([file("/srv/x", "w"), file("/srv/x", "a", owner=True)], ["/srv/x w,"]),
        ([file("/opt/gofleet/x/1.0/a", "r"), file("/opt/gofleet/x/1.1/a", "r")], ["/opt/gofleet/x/*/a r,"]),
        ([file("/usr/bin/x", "x", operation="exec")], ["/usr/bin/x rmix,"]),
        ([file("/srv/a", "r"), file("/srv/b", "r")], ["/srv/a r,", "/srv/b r,"]),
    ],
)
def test_rules_for_files(denials: list[Denial], expected: list[str]) -> None:
    assert rules(*denials) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('operation="create" family="inet6" sock_type="dgram" denied_mask="create"', "network inet6 dgram,"),
        # As Debian 13 logs it, of a profile by abi/4.0.
        (
            'operation="userns_create" class="namespace" comm="unshare" requested="userns_create"'
            ' denied="userns_create"',
            "userns create,",
        ),
        (
            'operation="create" family="unix" sock_type="seqpacket" denied_mask="create"',
            "network unix seqpacket,",
        ),
        (
            'operation="connect" family="unix" sock_type="stream" denied_mask="send connect" addr=none '
            'peer_addr="@/tmp/.X11-unix/X0" peer="unconfined"',
            "unix (connect, send) type=stream peer=(label=unconfined, addr=@/tmp/.X11-unix/X0),",
        ),
        (
            'operation="signal" class="signal" denied_mask="receive" signal=hup peer="/usr/sbin/other thing"',
            'signal (receive) set=(hup) peer="/usr/sbin/other thing",',
        ),
        (
            'operation="signal" denied_mask="send" signal=kill peer="gofleet.x//null-/usr/bin/true"',
            "signal (send) set=(kill) peer=gofleet.x,",
        ),
        ('operation="ptrace" denied_mask="readby" peer="top"', "ptrace (readby) peer=top,"),
        (
            'operation="pivotroot" class="mount" name="/new/" srcname="/new/old/"',
            "pivot_root oldroot=/new/old/ /new/,",
        ),
    ],
)
def test_rules_for_everything_else(text: str, expected: str) -> None:
    assert rules(denial(text)) == [expected]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            'operation="open" name="run/x" info="Failed name lookup - disconnected path"',
            "attach_disconnected",
        ),
        ('operation="open" name="/x" info="Failed name lookup - deleted entry"', "mediate_deleted"),
        ('operation="file_perm" denied_mask="r"', "without a path"),
        ('operation="create" family="unknown(45)" sock_type="raw"', "no rule is known for network"),
        ('operation="signal" denied_mask="send" signal=unknown(70) peer="x"', "no rule is known for signal"),
        ('operation="uring_sqpoll" class="io_uring" denied="sqpoll"', "no rule is known for io_uring"),
    ],
)
def test_denials_without_a_rule_say_why(text: str, why: str) -> None:
    answer = propose([denial(text)], release_roots=ROOTS)
    assert answer.proposals == []
    assert why in answer.unanswered[0][1]


def test_null_profiles_belong_to_their_parent() -> None:
    assert base_profile("gofleet.x//null-/usr/bin/true") == "gofleet.x"
    assert base_profile("gofleet.x//child") == "gofleet.x//child"


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("/proc/12/status", "@{PROC}/@{pid}/status"),
        ("/proc/12/", "@{PROC}/@{pid}/"),
        ("/proc/1/status", "@{PROC}/1/status"),
        ("/proc/12/task/13/comm", "@{PROC}/@{pid}/task/@{tid}/comm"),
        ("/proc/sys/net/core/somaxconn", "@{PROC}/sys/net/core/somaxconn"),
        ("/sys/class/net/", "@{sys}/class/net/"),
        ("/run/x", "@{run}/x"),
        ("/runner/x", "/runner/x"),
        ("/opt/gofleet/hello/1.4.0/conf/a.yml", "/opt/gofleet/hello/*/conf/a.yml"),
        ("/opt/gofleet/hello/", "/opt/gofleet/hello/"),
        ("/opt/gofleet/hello/current", "/opt/gofleet/hello/current"),
        ("/opt/other/hello/1.4.0/a", "/opt/other/hello/1.4.0/a"),
        ("/srv/*", r'"/srv/\*"'),
        ("/srv/[a]?", r'"/srv/\[a\]\?"'),
        ("/proc/12/a b", '"@{PROC}/@{pid}/a b"'),
        ("/srv/a\nb", r'"/srv/a\012b"'),
        ("/srv/a,", '"/srv/a,"'),
        ("/srv/#x", '"/srv/#x"'),
    ],
)
def test_paths_become_patterns(path: str, pattern: str) -> None:
    assert pattern_of(path, release_roots=ROOTS) == pattern


def test_words_are_quoted_where_needed() -> None:
    assert (quoted("unconfined"), quoted("a b"), quoted("x*")) == ("unconfined", '"a b"', r'"x\*"')


@pytest.mark.parametrize(
    ("name", "mask", "reason"),
    [
        ("/srv/data", "rw", None),
        ("/etc/hello/conf", "r", None),
        ("/etc/hello/conf", "w", "configuration"),
        ("/usr/bin/x", "w", "programs"),
        ("/opt/gofleet/x/1.0/x", "w", "programs"),
        ("/etc/shadow", "r", "passwords"),
        ("/etc/ssl/private/key.pem", "r", "private keys"),
        ("/home/a/.ssh/id", "r", "home directory"),
        ("/root/.bashrc", "w", "home directory"),
        ("/proc/7/environ", "r", None),
        ("/proc/8/environ", "r", "memory or secrets"),
        ("/proc/8/stat", "r", "other processes"),
        ("/proc/sys/vm/swappiness", "w", "settings of the kernel"),
        ("/proc/sys/vm/swappiness", "r", None),
        ("/run/docker.sock", "w", "controls containers"),
        ("/run/dbus/system_bus_socket", "wr", "orders"),
        ("/run/systemd/notify", "w", None),
        ("/run/systemd/journal/socket", "w", None),
        ("/dev/null", "w", None),
        ("/dev/sda", "r", "disks"),
        ("/dev/sda", "w", "device"),
        ("/srv/plugin", "wm", "both write"),
    ],
)
def test_file_danger(name: str, mask: str, reason: str | None) -> None:
    (proposal,) = propose([file(name, mask)], release_roots=ROOTS).proposals
    assert (proposal.danger is None) == (reason is None)
    assert (reason or "") in (proposal.danger or "")


def test_a_program_that_is_written_and_run_is_dangerous() -> None:
    denials = [file("/srv/x", "x", operation="exec"), file("/srv/x", "wc", operation="mknod")]
    (proposal,) = propose(denials, release_roots=ROOTS).proposals
    assert (proposal.rule, proposal.danger) == ("/srv/x rwmix,", "may both write this file and run it")


def test_other_dangers() -> None:
    assert "superuser" in (risks.capability_danger("sys_admin") or "")
    assert risks.capability_danger("net_bind_service") is None
    assert risks.network_danger("inet", "raw") and risks.network_danger("packet", "dgram")
    assert risks.network_danger("inet", "stream") is None
    assert risks.network_danger("netlink", "raw") is None
    assert "interpreter" in risks.exec_danger("/usr/bin/python3.11")
    assert "interpreter" not in risks.exec_danger("/usr/bin/pythonic")
    assert risks.signal_danger("send", "unconfined") and not risks.signal_danger("receive", "unconfined")
    assert "controls" in risks.ptrace_danger("trace") and "reads" in risks.ptrace_danger("read")
    assert risks.mount_danger()
    assert risks.userns_danger()
