# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._lock import exclusive_lock


def test_a_second_holder_fails_and_names_the_first(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    wanted = pytest.raises(HostError, match=f"process {os.getpid()} holding it")
    with exclusive_lock(path, wait_seconds=0), wanted, exclusive_lock(path, wait_seconds=0.2):
        pass
    with exclusive_lock(path, wait_seconds=0):
        pass


def test_a_second_holder_waits_for_the_first(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    taken = threading.Event()

    def hold() -> None:
        with exclusive_lock(path, wait_seconds=0):
            taken.set()
            time.sleep(0.3)

    thread = threading.Thread(target=hold)
    thread.start()
    assert taken.wait(5)
    with exclusive_lock(path, wait_seconds=5):
        thread.join(5)


def test_a_lock_on_a_removed_file_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with exclusive_lock(str(path), wait_seconds=0):
        path.unlink()
        with exclusive_lock(str(path), wait_seconds=0):
            assert path.exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HostError, match="wanted a lock file"), exclusive_lock(
        str(tmp_path / "lock"), wait_seconds=0
    ):
        pass
    assert not (tmp_path / "elsewhere").exists()
