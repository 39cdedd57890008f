# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""The AppArmor profile of a service, out of the same description as its units."""

from __future__ import annotations

from ._service import Service

__all__ = ["apparmor_profile"]

# What Go itself reads or does, beyond the distribution's abstractions (seen with strace, Go 1.22 to 1.27):
# the transparent huge page size, the listen backlog, and from 1.25 on the CPU limit of its cgroup.
_GO_RUNTIME = """\
  @{sys}/kernel/mm/transparent_hugepage/hpage_pmd_size r,
  @{PROC}/sys/net/core/somaxconn r,
  owner @{PROC}/@{pid}/cgroup r,
  owner @{PROC}/@{pid}/mountinfo r,
  @{sys}/fs/cgroup/{,**/}cpu.max r,
  @{sys}/fs/cgroup/{,**/}cpu.cfs_{quota,period}_us r,
  /usr/share/mime/globs2 r,
  /usr/local/share/mime/globs2 r,
  /etc/mime.types r,
"""

# What the usual process metrics of a Go service are read from: descriptors, limits, times, traffic.
_PROCESS_METRICS = """\
  owner @{PROC}/@{pid}/{fd/,limits,stat,net/netstat,net/snmp} r,
  @{PROC}/stat r,
"""


def apparmor_profile(service: Service, *, store: str) -> str:
    """
    :param store: the release store of the service; AppArmor sees the version's path, never the ``current`` link
    """
    capabilities = [f"  capability {name[len('CAP_') :].lower()}," for name in service.capabilities]
    writable = [f"  {path.rstrip('/')}/{{,**}} rwk," for path in service.read_write_paths]
    rules = [f"  {rule.strip().rstrip(',')}," for rule in service.apparmor_rules]
    return "\n".join(
        [
            "abi <abi/3.0>,",
            "include <tunables/global>",
            "",
            f"profile {service.profile} {store}/*/{service.name} flags=(attach_disconnected) {{",
            "  include <abstractions/base>",
            "  include <abstractions/nameservice>",
            "  include <abstractions/ssl_certs>",
            "",
            f"  {store}/*/{service.name} mr,",
            _GO_RUNTIME.rstrip("\n"),
            _PROCESS_METRICS.rstrip("\n"),
            "",
            "  # systemd: readiness and the watchdog",
            "  /{,var/}run/systemd/notify w,",
            "  unix (send) type=dgram,",
            "",
            "  # StateDirectory=, which DynamicUser= keeps below private/",
            f"  owner /var/lib/{{,private/}}{service.name}/{{,**}} rwk,",
            "  owner /tmp/{,**} rwk,",
            *capabilities,
            *writable,
            *rules,
            "",
            f"  include if exists <local/{service.profile}>",
            "}",
            "",
        ]
    )
