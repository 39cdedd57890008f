# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""The units that start a service: sockets, which own its addresses, and a timer."""

from __future__ import annotations

from .instances import Member
from .lifecycle import Timer
from .listeners import Listener
from .service import Service
from .syntax import plain, setting, text

__all__ = ["socket_unit", "timer_unit"]


def socket_unit(service: Service, member: Member, listener: Listener) -> str:
    """The unit that owns an address, so that a new build never closes it."""
    what = f"socket {listener.name}" if listener.name else "socket"
    lines = [
        "[Unit]",
        f"Description={text(service.description)} ({what})",
        "",
        "[Socket]",
        f"Listen{'Datagram' if listener.datagram else 'Stream'}={setting(listener.listen)}",
        f"FileDescriptorName={setting(listener.fd_name)}",
        f"Service={member.unit}",
        *_kind_lines(listener),
        "",
        "[Install]",
        "WantedBy=sockets.target",
    ]
    return "\n".join(lines) + "\n"


def _kind_lines(listener: Listener) -> list[str]:
    lines = []
    if not listener.datagram:
        lines += [
            f"Backlog={listener.backlog}",
            "# Keeps what clients have sent while no process is there to accept it.",
            "FlushPending=no",
        ]
    if listener.path:
        lines += [
            f"SocketMode={listener.mode}",
            f"SocketUser={setting(listener.owner)}",
            f"SocketGroup={setting(listener.group)}",
            "RemoveOnStop=yes",
        ]
    elif not listener.datagram:
        lines.append("NoDelay=yes")
    return lines


def timer_unit(service: Service, member: Member, timer: Timer) -> str:
    """The unit that says when a service which runs to its end is started."""
    lines = ["[Unit]", f"Description={text(service.description)} (timer)", "", "[Timer]"]
    lines += [f"OnCalendar={plain(time)}" for time in timer.on_calendar]
    if timer.on_boot:
        lines.append(f"OnBootSec={plain(timer.on_boot)}")
    if timer.every:
        # Counted from the start of the timer too: a service that never ran has no last run to count from.
        lines += [f"OnActiveSec={plain(timer.every)}", f"OnUnitActiveSec={plain(timer.every)}"]
    if timer.random_delay:
        lines.append(f"RandomizedDelaySec={plain(timer.random_delay)}")
    if timer.on_calendar:
        lines.append(f"Persistent={'yes' if timer.persistent else 'no'}")
    # By itself systemd puts a start off by up to a minute, to wake up less often.
    lines += ["AccuracySec=1s", f"Unit={member.unit}", "", "[Install]", "WantedBy=timers.target"]
    return "\n".join(lines) + "\n"
