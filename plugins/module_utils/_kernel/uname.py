# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Read the release of the kernel."""

from __future__ import annotations

from .._probe.answer import Probe, no, unknown, yes
from .._probe.files import read
from .._probe.host import Facts, Host

__all__ = ["have_btf", "probe_release"]


def have_btf(host: Host) -> Probe:
    """Probe the running kernel for its type information (BTF), which portable eBPF programs need.

    Commit 341dfcf8d78e ("btf: expose BTF info through sysfs"), Linux 5.4.
    """
    # Read the first byte only, because the file holds several megabytes.
    found = read(host.root, "sys/kernel/btf/vmlinux", at_most=1)
    if found.text:
        return yes("kernel", "/sys/kernel/btf/vmlinux exists")
    if found.error:
        return unknown("kernel", f"/sys/kernel/btf/vmlinux cannot be read: {found.error}")
    return no("kernel", "no /sys/kernel/btf/vmlinux: built without CONFIG_DEBUG_INFO_BTF")


def probe_release(host: Host) -> Facts:
    """Read the release, the version, the architecture and the boot id, and probe for BTF."""

    def line(path: str) -> str | None:
        text = read(host.root, path).text
        return text.strip() if text is not None else None

    return Facts(
        values={
            "release": line("proc/sys/kernel/osrelease"),
            "version": line("proc/sys/kernel/version"),
            "machine": host.machine,
            "boot_id": line("proc/sys/kernel/random/boot_id"),
        },
        capabilities={"btf": have_btf(host)},
    )
