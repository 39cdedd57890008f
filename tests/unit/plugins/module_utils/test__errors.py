# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError


def test_the_message_names_wanted_found_and_remedy() -> None:
    error = HostError("/etc/x", wanted="a file", found="a directory", remedy="Move it away.")
    assert str(error) == "/etc/x: wanted a file; found a directory. Move it away."
    assert error.report() == {
        "msg": str(error),
        "error": {"subject": "/etc/x", "wanted": "a file", "found": "a directory", "remedy": "Move it away."},
    }
