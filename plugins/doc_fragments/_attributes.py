# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The attributes that the documentation of every module of the collection includes."""

    # A module that changes the host.
    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what would change without changing the host.
    support: full
  diff_mode:
    description: Returns what changed, or would change, when in diff mode.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: Where the module runs.
    platforms: linux
    support: full
"""

    # A module that only reads.
    INFO = r"""
attributes:
  check_mode:
    description: Only reads, so it does the same in check mode.
    support: full
  diff_mode:
    description: Changes nothing, so there is no difference to return.
    support: N/A
  platform:
    description: Where the module runs.
    platforms: linux
    support: full
"""

    ACTIONGROUP = r"""
attributes:
  action_group:
    description: Use C(group/gofleet.hosts.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - gofleet.hosts.all
"""

    # A module with an action plugin of the same name.
    CONTROLLER = r"""
attributes:
  action:
    description: Has an action plugin of the same name, which runs on the controller.
    support: full
"""
