# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from lab.vm import open_connections

# Of QEMU 10.0, with a session that is open and one that the host closed.
USERNET = """\
Hub -1 (nat):
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[ESTABLISHED]   30       127.0.0.1 41537       10.0.2.15    22     0     0
  TCP[FIN_WAIT_1]    31       127.0.0.1 41537       10.0.2.15    22     0    52
  TCP[HOST_FORWARD]  13       127.0.0.1 41537       10.0.2.15    22     0     0
"""


def test_connections_of_a_guest() -> None:
    states = [line.split()[0] for line in open_connections(USERNET)]
    assert states == ["TCP[ESTABLISHED]", "TCP[FIN_WAIT_1]"]


def test_what_waits_for_connections_is_none() -> None:
    quiet = "\n".join(line for line in USERNET.splitlines() if "EST" not in line and "FIN" not in line)
    assert open_connections(quiet) == []
