# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import pwd

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._account import Account, account_of, acting_as
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError

ME = pwd.getpwuid(os.geteuid())


def test_accounts_by_name_and_of_this_process() -> None:
    assert account_of(ME.pw_name) == account_of(None) == Account(ME.pw_name, ME.pw_uid, ME.pw_gid, ME.pw_dir)


def test_an_unknown_user_is_refused() -> None:
    with pytest.raises(HostError, match="no such user"):
        account_of("nobody-of-that-name")


def test_a_user_without_home_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = pwd.struct_passwd(("x", "x", 1, 1, "", "/nonexistent", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwnam", lambda dummy: entry)
    with pytest.raises(HostError, match="no directory /nonexistent"):
        account_of("x")


def test_the_own_account_needs_no_root(tmp_path: pathlib.Path) -> None:
    with acting_as(account_of(None)):
        (tmp_path / "file").touch()
    assert (tmp_path / "file").stat().st_uid == os.geteuid()


def test_other_accounts_need_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(HostError, match="become: true"), acting_as(Account("other", 4343, 4343, "/")):
        raise AssertionError("got in")


def test_the_identity_is_taken_in_order_and_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, object]] = []
    for name in ("setgroups", "setegid", "seteuid"):
        monkeypatch.setattr(os, name, lambda value, name=name: calls.append((name, value)))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "getegid", lambda: 7)
    monkeypatch.setattr(os, "getgroups", lambda: [7, 8])
    monkeypatch.setattr(os, "getgrouplist", lambda name, gid: [gid, 99])
    with pytest.raises(RuntimeError), acting_as(Account("other", 43, 44, "/")):
        raise RuntimeError
    taken = [("setgroups", [44, 99]), ("setegid", 44), ("seteuid", 43)]
    assert calls == [*taken, ("seteuid", 0), ("setegid", 7), ("setgroups", [7, 8])]
