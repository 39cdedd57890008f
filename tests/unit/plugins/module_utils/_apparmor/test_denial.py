# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._apparmor.denial import (
    Denial,
    Stamp,
    parse_denial,
    parse_stamp,
)

RECORDED = pathlib.Path(__file__).resolve().parents[4] / "fixtures" / "apparmor"
KERNELS = ["6.1", "6.12"]


def recorded(kernel: str) -> list[Denial]:
    lines = (RECORDED / f"kernel-{kernel}.log").read_text(encoding="utf-8").splitlines()
    return [denial for denial in map(parse_denial, lines) if denial]


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_recorded_line_is_a_denial_of_a_known_kind(kernel: str) -> None:
    lines = (RECORDED / f"kernel-{kernel}.log").read_text(encoding="utf-8").splitlines()
    denials = recorded(kernel)
    assert len(denials) == len(lines)
    assert {denial.kind for denial in denials} == {
        "capability", "exec", "file", "mount", "network", "ptrace", "signal", "umount",
    }  # fmt: skip
    assert {denial.verdict for denial in denials} == {"ALLOWED"}


def test_both_kernels_logged_the_same() -> None:
    """Linux 6.12 adds class= and getattr of files. The kinds, masks and names are those of 6.1."""

    def logged(kernel: str) -> set[tuple[str, str, str]]:
        ours = (denial for denial in recorded(kernel) if denial.get("operation") != "getattr")
        return {(d.kind, d.get("name"), d.mask) for d in ours if "/proc/" not in d.get("name")}

    assert logged("6.1") == logged("6.12")


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    "name",
    [
        "/var/tmp/rec/with space",
        '/var/tmp/rec/q"{*}\\,@{x}',
        "/var/tmp/rec/grüße",
        "/var/tmp/rec/\udcff\x01x",
    ],
)
def test_hexadecimal_names_are_decoded(kernel: str, name: str) -> None:
    assert name in {denial.get("name") for denial in recorded(kernel)}


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_capability_check_is_optional(kernel: str) -> None:
    assert [denial.get("capname") for denial in recorded(kernel) if denial.optional] == ["net_admin"]


LINE = 'apparmor="DENIED" operation="open" profile="gofleet.x" name="/etc/x" pid=7 requested_mask="r" denied_mask="r"'
STAMP = Stamp(1795647004.778, 248)


@pytest.mark.parametrize(
    "line",
    [
        f"type=AVC msg=audit(1795647004.778:248): {LINE}",
        f'type=AVC msg=audit(1795647004.778:248): {LINE} fsuid=0 ouid=0\x1dFSUID="root" OUID="root"',
        f"audit: type=1400 audit(1795647004.778:248): {LINE}",
        f"Nov 25 22:50:04 web1 kernel: [   45.6] audit: type=1400 audit(1795647004.778:248): {LINE}",
        f"2026-11-25T22:50:04.778901+00:00 web1 kernel: audit: type=1400 audit(1795647004.778:248): {LINE}",
    ],
)
def test_every_log_format_gives_the_same_denial(line: str) -> None:
    denial = parse_denial(line)
    assert denial is not None
    assert (denial.stamp, denial.verdict, denial.profile, denial.kind) == (
        STAMP,
        "DENIED",
        "gofleet.x",
        "file",
    )
    assert (denial.get("name"), denial.mask, denial.get("FSUID")) == ("/etc/x", "r", "")


def test_the_journal_has_the_stamp_outside_the_text() -> None:
    denial = parse_denial(f"AVC {LINE}", stamp=STAMP)
    assert denial is not None
    assert denial.stamp == STAMP
    assert parse_denial(f"AVC {LINE}") is None


def test_a_denial_of_the_dbus_daemon() -> None:
    denial = parse_denial(
        "type=USER_AVC msg=audit(1.5:9): pid=400 uid=100 auid=4294967295 ses=4294967295 subj=unconfined "
        'msg=\'apparmor="DENIED" operation="dbus_method_call" bus="system" path="/org/x" interface="org.x" '
        'member="Hello" mask="send" name="org.x" pid=7 label="gofleet.x" peer_label="unconfined" exe="/usr/bin/d"\''
    )
    assert denial is not None
    assert (denial.kind, denial.profile, denial.mask, denial.get("pid")) == ("dbus", "gofleet.x", "send", "7")


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ('operation="userns_create" class="namespace" profile="x" denied="userns_create"', "userns"),
        ('operation="uring_sqpoll" class="io_uring" profile="x" denied="sqpoll"', "io_uring"),
        ('operation="change_profile" class="file" profile="x" name="y"', "change_profile"),
        ('operation="setrlimit" class="rlimits" profile="x"', "rlimit"),
        ('operation="connect" class="net" profile="x" family="unix" sock_type="stream"', "unix"),
    ],
)
def test_kinds_of_newer_kernels(more: str, kind: str) -> None:
    denial = parse_denial(f'audit: type=1400 audit(1.5:9): apparmor="DENIED" {more}')
    assert denial is not None
    assert denial.kind == kind


@pytest.mark.parametrize(
    "line",
    [
        "",
        "audit: type=1400 audit(1.5:9): avc: denied { read } for pid=7",
        LINE,
        'audit: type=1400 audit(1.5:9): apparmor="STATUS" operation="profile_load" profile="unconfined" name="x"',
        'audit: type=1400 audit(1.5:9): apparmor="AUDIT" operation="open" profile="x" name="/etc/x"',
        # In a container's own policy, where a profile may have any name.
        'audit: type=1400 audit(1.5:9): apparmor="DENIED" operation="open" namespace="root//c1" profile="gofleet.x"',
        # What a user typed, quoted by a record of another type.
        f"type=USER_CMD msg=audit(1.5:9): pid=3 msg='cmd={LINE}'",
        f"type=1123 audit(1.5:9): {LINE}",
    ],
)
def test_other_lines_are_not_denials(line: str) -> None:
    assert parse_denial(line) is None


def test_every_record_type_has_a_stamp() -> None:
    assert parse_stamp("audit: type=1130 audit(1795647004.778:248): pid=1") == STAMP
    assert parse_stamp("random text") is None
