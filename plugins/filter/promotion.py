# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: promotion
short_description: Decide which AppArmor profiles of a host are ready to be enforced
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Judges each service of a host by what its profile would have denied. A profile is ready if it is in complain mode, its
    C(apparmor.mode) is V(complain_first), a process runs in it, and a complete log has no denials.
  - With O(trials) it also returns the results of trials. P(gofleet.hosts.promote#playbook) uses both.
positional: plan
options:
  _input:
    description: What M(gofleet.hosts.apparmor_denials_info) returned.
    type: dict
    required: true
  plan:
    description: The services, as P(gofleet.hosts.go_service_plan#filter) returns them.
    type: dict
    required: true
  trials:
    description: Results of M(gofleet.hosts.apparmor_profiles) in a loop over the entries that were V(ready).
    type: list
    elements: dict
    default: []
  services:
    description: Names of the services to judge. All if empty.
    type: list
    elements: str
    default: []
  predicted:
    description: Whether the trials ran in check mode.
    type: bool
    default: false
"""

EXAMPLES = r"""
---
- name: Show which profiles can be enforced
  ansible.builtin.debug:
    msg: "{{ denials | gofleet.hosts.promotion(go_service_services | gofleet.hosts.go_service_plan(root='/opt/gofleet')) }}"
"""

RETURN = r"""
_value:
  description: One entry for each service.
  type: list
  elements: dict
  contains:
    service:
      description: Name of the service.
      type: str
    profile:
      description: Name of its profile.
      type: str
    verdict:
      description: V(ready), V(kept), V(enforced), V(skipped), V(unreachable) or V(failed). After a trial V(promoted), V(reverted), V(held)
        or V(would be promoted).
      type: str
    reason:
      description: The reason for the verdict, as a sentence.
      type: str
    since:
      description: The time from which denials were counted.
      type: str
    health:
      description: The health checks of the service.
      type: list
      elements: dict
    rules:
      description: Rules that would allow the denials, as M(gofleet.hosts.apparmor_denials_info) proposes them.
      type: list
      elements: dict
    unanswered:
      description: Denials for which there is no rule.
      type: list
      elements: str
"""

import typing as t

from ..plugin_utils._promotion import promotion as judge


def promotion(
    denials: dict[str, t.Any],
    plan: dict[str, t.Any],
    trials: list[dict[str, t.Any]] | None = None,
    services: list[str] | None = None,
    predicted: bool = False,
) -> list[dict[str, t.Any]]:
    """Return the decision for each service of a host."""
    return judge(denials, plan=plan, trials=trials or [], services=services or [], predicted=predicted)


class FilterModule:
    """Provide the filter of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"promotion": promotion}
